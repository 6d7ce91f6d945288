package cli

import (
	"context"
	"image"
	"image/color"
	"image/png"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/jcs-ct/jcs/ct"
	"github.com/jcs-ct/jcs/internal/dcmtk"
	"github.com/jcs-ct/jcs/network"
	"github.com/jcs-ct/jcs/phantom"
	"github.com/jcs-ct/jcs/weights"
	"github.com/jcs-ct/jcs/weights/checkpointtest"
)

func stringReader(s string) io.Reader { return strings.NewReader(s) }

// canReadDICOM reports whether this build does.
var canReadDICOM = sync.OnceValue(func() bool {
	child, err := dcmtk.Start(context.Background(), dcmtk.Limits{})
	if err != nil {
		return false
	}
	return child.Close() == nil
})

// tiny makes small networks that answer every slice alike: the classifier
// positive or negative, the segmenter opaque everywhere.
func tiny(positive bool) (classifier, segmenter *network.Model, err error) {
	c := network.CompactClassifier()
	c.Height, c.Width, c.MobileNet.Width = 64, 64, 0.125
	cw, err := c.Initial(1)
	if err != nil {
		return nil, nil, err
	}
	head := cw["fc.weight"]
	clear(head.Data)
	for i := range head.Data[head.Shape[1]:] {
		head.Data[head.Shape[1]+i] = 1
		if !positive {
			head.Data[head.Shape[1]+i] = -1
		}
	}
	s := network.CompactJoint()
	s.Height, s.Width, s.MobileNet.Width, s.Decoder.Widths = 64, 64, 0.125, [5]int{4, 4, 8, 8, 8}
	sw, err := s.Initial(1)
	if err != nil {
		return nil, nil, err
	}
	clear(sw["cls1.weight"].Data)
	sw["cls1.bias"].Data[0] = 5
	return &network.Model{Plan: c, Weights: cw}, &network.Model{Plan: s, Weights: sw}, nil
}

// saveModels writes the tiny networks to a folder.
func saveModels(dir string, positive bool) error {
	c, s, err := tiny(positive)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	if err := c.Save(filepath.Join(dir, "classifier.safetensors"), weights.F32); err != nil {
		return err
	}
	return s.Save(filepath.Join(dir, "segmenter.safetensors"), weights.F32)
}

// models DIR positive|negative
func writeModels(ts *testscript.TestScript, _ bool, args []string) {
	ts.Check(saveModels(ts.MkAbs(args[0]), args[1] == "positive"))
}

// checkpoint FILE good|ill: a compact classifier that finds every slice
// positive, as training code in PyTorch saves it. An ill one lacks a tensor,
// has one of another name and one of another shape.
func writeCheckpoint(ts *testscript.TestScript, _ bool, args []string) {
	p := network.CompactClassifier()
	all, err := p.Parameters()
	ts.Check(err)
	w, err := p.Initial(1)
	ts.Check(err)
	head := w["fc.weight"]
	for i := range head.Data {
		head.Data[i] = -1 + 2*float32(i/head.Shape[1])
	}
	var tensors []checkpointtest.Tensor
	for _, q := range all {
		x := checkpointtest.Tensor{Name: "module." + q.Name, Shape: q.Shape, Data: w[q.Name].Data}
		if args[1] == "ill" {
			switch q.Name {
			case "encoder.conv1.conv.weight":
				x.Name += "s"
			case "fc.weight":
				x.Shape, x.Data = []int{1, q.Shape[1]}, x.Data[:q.Shape[1]]
			}
		}
		tensors = append(tensors, x)
	}
	b, err := checkpointtest.Zip("state_dict", tensors)
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), b, 0o644))
}

// chest is a small phantom.
func chest(slices int, seed uint64) (*ct.Volume, *phantom.Truth, error) {
	return phantom.New(context.Background(), phantom.Config{Columns: 96, Rows: 96, Slices: slices, Seed: seed, GroundGlass: 2})
}

// study DIR slices seed: a phantom as DICOM.
func writeStudy(ts *testscript.TestScript, _ bool, args []string) {
	n, err := strconv.Atoi(args[1])
	ts.Check(err)
	seed, err := strconv.ParseUint(args[2], 10, 64)
	ts.Check(err)
	v, truth, err := chest(n, seed)
	ts.Check(err)
	dir := ts.MkAbs(args[0])
	ts.Check(os.MkdirAll(dir, 0o755))
	ts.Check(phantom.Write(context.Background(), dir, v, truth))
	ts.Check(os.Remove(filepath.Join(dir, phantom.TruthFile)))
}

// volume FILE slices seed: a phantom as NIfTI.
func writeVolume(ts *testscript.TestScript, _ bool, args []string) {
	n, err := strconv.Atoi(args[1])
	ts.Check(err)
	seed, err := strconv.ParseUint(args[2], 10, 64)
	ts.Check(err)
	v, _, err := chest(n, seed)
	ts.Check(err)
	ts.Check(ct.CreateNIfTI(ts.MkAbs(args[0]), v))
}

// placeless FILE: takes the codes of both forms out of a NIfTI file.
func withoutPlace(ts *testscript.TestScript, _ bool, args []string) {
	file, err := os.ReadFile(ts.MkAbs(args[0]))
	ts.Check(err)
	clear(file[252:256])
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), file, 0o644))
}

// slicePicture is a slice of a phantom in the lung window.
func slicePicture() (*image.Gray, error) {
	v, _, err := chest(9, 1)
	if err != nil {
		return nil, err
	}
	in := ct.Input{Kind: ct.KindDICOM, Volume: v, Sources: v.Sources}
	return in.Picture(4, ct.LungWindow()), nil
}

func savePNG(file string, p image.Image) error {
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	if err := png.Encode(f, p); err != nil {
		f.Close()
		return err
	}
	return f.Close()
}

// slice file.png...: a slice as 8-bit PNG.
func writeSlice(ts *testscript.TestScript, _ bool, args []string) {
	p, err := slicePicture()
	ts.Check(err)
	for _, file := range args {
		ts.Check(savePNG(ts.MkAbs(file), p))
	}
}

// deep file.png side: a picture of 16 bits.
func writeDeepSlice(ts *testscript.TestScript, _ bool, args []string) {
	side, err := strconv.Atoi(args[1])
	ts.Check(err)
	p := image.NewGray16(image.Rect(0, 0, side, side))
	for i := range side {
		p.SetGray16(i, i, color.Gray16{Y: uint16(i * 100)})
	}
	ts.Check(savePNG(ts.MkAbs(args[0]), p))
}

// ultrasound file.dcm: an ultrasound image.
func writeUltrasound(ts *testscript.TestScript, _ bool, args []string) {
	child, err := dcmtk.Start(context.Background(), dcmtk.Limits{})
	ts.Check(err)
	defer child.Close()
	im := &dcmtk.CTImage{
		StudyUID: "1.2.3", SeriesUID: "1.2.3.4", InstanceUID: "1.2.3.4.5", FrameOfReferenceUID: "1.2.3.6",
		Rows: 64, Columns: 64, SpacingX: 1, SpacingY: 1, SliceThickness: 1,
		Orientation: [6]float64{1, 0, 0, 0, 1, 0}, HU: make([]int16, 64*64),
	}
	attributes := im.Attributes()
	for i, a := range attributes {
		switch a.Tag {
		case dcmtk.Tag{Group: 0x0008, Element: 0x0016}:
			attributes[i].Text = "1.2.840.10008.5.1.4.1.1.6.1"
		case dcmtk.Tag{Group: 0x0008, Element: 0x0060}:
			attributes[i].Text = "US"
		}
	}
	file, err := child.Write(attributes, make([]byte, 2*64*64))
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), file, 0o644))
}

// truncate file bytes
func truncate(ts *testscript.TestScript, _ bool, args []string) {
	n, err := strconv.ParseInt(args[1], 10, 64)
	ts.Check(err)
	ts.Check(os.Truncate(ts.MkAbs(args[0]), n))
}

// entries are the names in a folder.
func entries(t *testing.T, dir string) []string {
	t.Helper()
	list, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range list {
		names = append(names, e.Name())
	}
	return names
}
