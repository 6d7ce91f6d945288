//go:build readers

package ct_test

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jcs-ct/jcs/ct"
	"github.com/jcs-ct/jcs/internal/dcmtk"
	"github.com/jcs-ct/jcs/phantom"
)

// Other people's readers see the same voxels in the same places. `make
// test-readers` installs them; Debian's Python has Debian's modules.
const python = "/usr/bin/python3"

func TestReadersAgreeOnTheSharedSeries(t *testing.T) {
	for _, name := range []string{"chest-series", "covid-series"} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join("../../shared/data", name)
			if _, err := os.Stat(path); err != nil {
				t.Skip("the project's data are not beside this checkout")
			}
			agreeOnDICOM(t, path)
		})
	}
}

func TestReadersAgreeOnTheSharedNIfTI(t *testing.T) {
	files, _ := filepath.Glob("../../shared/data/nifti/*.nii.gz")
	if len(files) == 0 {
		t.Skip("the project's data are not beside this checkout")
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) { agreeOnNIfTI(t, file, open(t, file)) })
	}
}

func TestReadersAgreeOnPhantomsInEightOrientations(t *testing.T) {
	v, _, err := phantom.New(t.Context(), phantom.Config{Columns: 64, Rows: 64, Slices: 40, Seed: 5, GroundGlass: 3, Consolidations: 2})
	if err != nil {
		t.Fatal(err)
	}
	for name, order := range map[string]ct.Order{
		"head first, supine":       {1, 2, 3},
		"head first, prone":        {-1, -2, 3},
		"slices from head to feet": {1, 2, -3},
		"feet first, supine":       {-1, 2, -3},
		"turned by a quarter":      {2, -1, 3},
		"rows and columns swapped": {2, 1, 3},
		"coronal":                  {1, 3, -2},
		"sagittal":                 {3, 1, -2},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			writeStored(t, dir, v, order)
			in := agreeOnDICOM(t, dir)
			if !slices.Equal(in.Volume.HU, v.HU) {
				t.Error("other voxels than the phantom's")
			}
		})
	}
}

func TestReadersAgreeOnAPhantomAsEnhancedCT(t *testing.T) {
	v, truth, err := phantom.New(t.Context(), phantom.Config{Columns: 64, Rows: 48, Slices: 30, Seed: 5, GroundGlass: 3, PixelMM: [2]float64{5, 6}})
	if err != nil {
		t.Fatal(err)
	}
	for _, syntax := range []string{dcmtk.ExplicitLittleEndian, dcmtk.ImplicitLittleEndian, dcmtk.JPEGLosslessFirst, dcmtk.JPEG2000Lossless} {
		t.Run(syntax, func(t *testing.T) {
			dir := t.TempDir()
			o := phantom.Output{Enhanced: true, TransferSyntax: syntax, Order: phantom.Order{Shuffled: true}}
			err := phantom.WriteAs(t.Context(), dir, v, truth, o)
			if errors.Is(err, dcmtk.ErrUnavailable) {
				t.Skip(err)
			}
			if err != nil {
				t.Fatal(err)
			}
			read := open(t, dir)
			if !slices.Equal(read.HU, v.HU) {
				t.Error("other voxels than the phantom's")
			}
			if compressed := strings.HasPrefix(syntax, "1.2.840.10008.1.2.4"); compressed {
				runReaders(t, "frames", dir, dump(t, read))
				return
			}
			agreeOnDICOM(t, dir)
		})
	}
}

func open(t *testing.T, path string) *ct.Volume {
	t.Helper()
	in, err := ct.Open(t.Context(), path, ct.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return in.Volume
}

// agreeOnDICOM holds our reading of a folder to the others', the NIfTI file that
// dcm2niix makes of it to nibabel's reading and to the series, and the one that
// we write to nibabel's.
func agreeOnDICOM(t *testing.T, folder string) *ct.Input {
	t.Helper()
	in, err := ct.Open(t.Context(), folder, ct.Options{})
	if err != nil {
		t.Fatal(err)
	}
	out := t.TempDir()
	runReaders(t, "dicom", folder, dump(t, in.Volume), out)
	theirs := filepath.Join(out, "volume.nii.gz")
	read := open(t, theirs)
	agreeOnNIfTI(t, theirs, read)
	if !slices.Equal(read.HU, in.Volume.HU) {
		t.Error("dcm2niix's file has other voxels than the series")
	}
	for i := range 3 {
		for j := range 4 {
			if d := math.Abs(read.Affine[i][j] - in.Volume.Affine[i][j]); !(d <= 1e-3) {
				t.Errorf("dcm2niix's file has affine %v, the series %v", read.Affine, in.Volume.Affine)
			}
		}
	}
	own := filepath.Join(out, "own.nii.gz")
	if err := ct.CreateNIfTI(own, in.Volume); err != nil {
		t.Fatal(err)
	}
	agreeOnNIfTI(t, own, in.Volume)
	return in
}

func agreeOnNIfTI(t *testing.T, file string, v *ct.Volume) {
	t.Helper()
	runReaders(t, "nifti", file, dump(t, v))
}

func runReaders(t *testing.T, args ...string) {
	t.Helper()
	said, err := exec.CommandContext(t.Context(), python, append([]string{"testdata/readers/readers.py"}, args...)...).CombinedOutput()
	t.Logf("%s", said)
	if err != nil {
		t.Errorf("the readers do not agree: %v", err)
	}
}

// dump writes a volume for the readers, and returns its name.
func dump(t *testing.T, v *ct.Volume) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "ours")
	said, err := json.Marshal(map[string]any{"size": [3]int{v.Columns, v.Rows, v.Slices}, "affine": v.Affine})
	if err != nil {
		t.Fatal(err)
	}
	raw := make([]byte, 0, 2*len(v.HU))
	for _, hu := range v.HU {
		raw = binary.LittleEndian.AppendUint16(raw, uint16(hu))
	}
	for suffix, data := range map[string][]byte{".json": said, ".raw": raw} {
		if err := os.WriteFile(name+suffix, data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return name
}

// writeStored writes a volume as a DICOM series whose slices lie as order says.
func writeStored(t *testing.T, dir string, v *ct.Volume, order ct.Order) {
	t.Helper()
	child, err := dcmtk.Start(t.Context(), dcmtk.Limits{})
	if err != nil {
		t.Skip(err)
	}
	defer child.Close()
	size := [3]int{v.Columns, v.Rows, v.Slices}
	turned := *v
	turned.Order = order
	stored := order.StoredSize(size)
	grid := &ct.Volume{Columns: stored[0], Rows: stored[1], Slices: stored[2], HU: ct.Restore(order, size, v.HU), Affine: turned.StoredAffine()}
	x, y, z, _ := grid.SpacingMM()
	var directions [6]float64
	for i := range 3 {
		directions[i], directions[3+i] = grid.Affine[i][0]/x, grid.Affine[i][1]/y
	}
	for k := range grid.Slices {
		file, err := child.WriteCT(&dcmtk.CTImage{
			StudyUID: v.StudyUID, SeriesUID: v.SeriesUID, FrameOfReferenceUID: v.FrameOfReferenceUID,
			InstanceUID: dcmtk.UID("readers", fmt.Sprint(order, k)), PatientName: "Phantom^Chest", PatientID: "PHANTOM",
			Manufacturer: "jcs", ConvolutionKernel: "NONE", KVP: 120, Time: time.Date(2020, 1, 1, 12, 0, 0, 0, time.UTC),
			SeriesNumber: 1, InstanceNumber: k + 1, Rows: grid.Rows, Columns: grid.Columns,
			SpacingX: x, SpacingY: y, SliceThickness: z,
			Position: grid.Position(0, 0, float64(k)), Orientation: directions, HU: grid.Slice(k),
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("%03d.dcm", k)), file, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
