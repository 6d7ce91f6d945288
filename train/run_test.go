package train

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"image/png"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/jcs-ct/jcs/dataset"
	"github.com/jcs-ct/jcs/network"
	"github.com/jcs-ct/jcs/nn"
)

// study writes a little data set: discs on grey are lesions, label 1. It
// returns the data folder.
func study(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	index := "file,label,patient,mask\n"
	for i := range 16 {
		img, mask := image.NewGray(image.Rect(0, 0, 64, 64)), image.NewGray(image.Rect(0, 0, 64, 64))
		label := i % 2
		for y := range 64 {
			for x := range 64 {
				dx, dy := x-20-i, y-30
				img.Pix[y*64+x] = uint8(60 + (x*7+y*3+i)%20)
				if label == 1 && dx*dx+dy*dy < 100 {
					img.Pix[y*64+x], mask.Pix[y*64+x] = 220, 255
				}
			}
		}
		savePicture(t, filepath.Join(dir, fmt.Sprintf("%02d.png", i)), img)
		savePicture(t, filepath.Join(dir, fmt.Sprintf("%02d-mask.png", i)), mask)
		index += fmt.Sprintf("%02d.png,%d,p%d,%02d-mask.png\n", i, label, i/4, i)
	}
	if err := os.WriteFile(filepath.Join(dir, "index.csv"), []byte(index), 0o644); err != nil {
		t.Fatal(err)
	}
	return dir
}

func savePicture(t *testing.T, name string, img image.Image) {
	t.Helper()
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := png.Encode(f, img); err != nil {
		t.Fatal(err)
	}
}

// tinyConfig is a run of six steps of a very small network: a classifier, a
// joint segmenter, or a classifier that learns lesions beside.
func tinyConfig(t *testing.T, kind, data string) Config {
	t.Helper()
	plan, mask, heads, class, mixing := `base = "compact-classifier"`, "", "", 0.0, 0.5
	if kind != "classifier" {
		mask, heads, class, mixing = `mask = "mask"`, "1, 0.4, 0.3, 0.2, 0.2", 0.2, 0
	}
	switch kind {
	case "joint":
		plan = "base = \"compact-joint\"\nshared_head = true\nwidths = [4, 4, 4, 4, 4]"
	case "lesions":
		kind = "classifier"
		plan += "\nlesions = true\nwidths = [4, 4, 4, 4, 4]"
	}
	c, err := ParseConfig(fmt.Appendf(nil, `
name = "tiny"
kind = %q
seed = 3
steps = 6
[plan]
%s
size = 64
multiplier = 0.0625
[data]
folder = %q
[[source]]
name = "discs"
index = "index.csv"
group = "patient"
%s
per_batch = 4
validation = { values = ["p3"] }
[augment]
width = 48
height = 48
flip = 0.5
noise = 0.5
noise_level = 5
[mixing]
chance = %g
alpha = 0.4
[loss]
heads = [%s]
class = %g
[optimise]
method = "adamw"
rate = 3e-3
weight_decay = 1e-2
schedule = "cosine"
warm_up = 0.2
clip = 5
average = 0.9
[validate]
every = 4
flip = true
batch = 3
pictures = 2
`, kind, plan, data, mask, mixing, heads, class))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// stopAfter ends a context when a step has been made.
func stopAfter(step int) (context.Context, func(Event)) {
	ctx, cancel := context.WithCancel(context.Background())
	return ctx, func(e Event) {
		if e.Message == "" && e.Step == step {
			cancel()
		}
	}
}

// measures reports whether this build has an engine with several ways of
// computing.
func measures(t *testing.T) bool {
	t.Helper()
	g := nn.NewGraph()
	g.Output("y", g.ReLU(g.Input("x", 1, 1, 1, 1)))
	p, err := nn.Compile(g, nil, nn.Options{Executor: nn.OneDNN})
	if err != nil {
		return false
	}
	p.Close()
	return true
}

func TestAResumedRunEndsWithTheSameBytes(t *testing.T) {
	for name, kind := range map[string]string{"classifier": "classifier", "joint": "joint", "lesions": "lesions", "in bf16": "joint"} {
		t.Run(name, func(t *testing.T) {
			c := tinyConfig(t, kind, study(t))
			if name == "in bf16" {
				c.Optimise.Precision = nn.BFloat16
			}
			whole, parts := t.TempDir(), t.TempDir()
			if err := Run(context.Background(), c, whole, Options{Threads: 1}); err != nil {
				t.Fatal(err)
			}
			// The same ways of computing: measured again, another may win. Without
			// oneDNN there is one way, and nothing is measured.
			timings, err := os.ReadFile(filepath.Join(whole, TimingsFile))
			if err == nil {
				err = os.WriteFile(filepath.Join(parts, TimingsFile), timings, 0o600)
			}
			if err != nil && (measures(t) || !errors.Is(err, fs.ErrNotExist)) {
				t.Fatal(err)
			}
			for i, stop := range []int{3, 4, 99} {
				ctx, events := stopAfter(stop)
				err := Run(ctx, c, parts, Options{Threads: 1, Resume: i > 0, Events: events})
				if stop < 6 && !errors.Is(err, context.Canceled) {
					t.Fatalf("stopped after step %d: error is %v", stop, err)
				} else if stop > 6 && err != nil {
					t.Fatal(err)
				}
			}
			for _, name := range []string{CheckpointFile, BestFile} {
				if !bytes.Equal(read(t, whole, name), read(t, parts, name)) {
					t.Errorf("%s of the resumed run differs", name)
				}
			}
			if a, b := rows(t, whole), rows(t, parts); a != b {
				t.Errorf("rows are\n%s\nand\n%s", a, b)
			}
		})
	}
}

func read(t *testing.T, dir, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// rows are the metrics without the speed and the share of waiting, which are the
// clock's.
func rows(t *testing.T, dir string) string {
	t.Helper()
	all, err := csv.NewReader(bytes.NewReader(read(t, dir, MetricsFile))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	speed := slices.Index(all[0], "slices_per_second")
	var text strings.Builder
	for _, row := range all {
		fmt.Fprintln(&text, slices.Delete(row, speed, speed+2))
	}
	return text.String()
}

// ending is a context that ends when it has been asked a number of times.
type ending struct {
	context.Context
	asked  atomic.Int32
	end    int32
	cancel context.CancelFunc
}

func endingAfter(n int) *ending {
	ctx, cancel := context.WithCancel(context.Background())
	return &ending{Context: ctx, end: int32(n), cancel: cancel}
}

func (e *ending) Err() error {
	if e.asked.Add(1) >= e.end {
		e.cancel()
	}
	return e.Context.Err()
}

func TestARunThatEndsAnywhereGoesOnAsIfItHadNot(t *testing.T) {
	c := tinyConfig(t, "classifier", study(t))
	whole := t.TempDir()
	if err := Run(context.Background(), c, whole, Options{Executor: nn.Reference}); err != nil {
		t.Fatal(err)
	}
	for _, n := range []int{40, 60, 90} {
		parts := t.TempDir()
		made := 0
		o := Options{Executor: nn.Reference, Events: func(e Event) { made = max(made, e.Step) }}
		for err := errors.New("not yet"); err != nil; n += 10 {
			err = Run(endingAfter(n), c, parts, o)
			if err == nil {
				break
			}
			if !errors.Is(err, context.Canceled) {
				t.Fatal(err)
			}
			kept, missing := loadCheckpoint(filepath.Join(parts, CheckpointFile))
			if o.Resume = missing == nil; kept.progress.Step != made {
				t.Errorf("asked %d times before its end: %d steps were made, %d kept", n, made, kept.progress.Step)
			}
		}
		if !bytes.Equal(read(t, whole, CheckpointFile), read(t, parts, CheckpointFile)) || rows(t, whole) != rows(t, parts) {
			t.Errorf("asked %d times before its end: the run ends elsewhere", n)
		}
	}
}

func TestARunLeavesItsRecordAndNothingElse(t *testing.T) {
	c := tinyConfig(t, "joint", study(t))
	out := filepath.Join(t.TempDir(), "new", "run")
	var figures []Figures
	sum := 0.0
	err := Run(context.Background(), c, out, Options{Threads: 1, Date: "2020-02-02", Version: "test", Events: func(e Event) {
		if e.Best {
			figures = e.Figures
		}
		if e.Message == "" && e.Step <= 4 {
			sum += e.Loss
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(out)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	want := "batch.png best.safetensors checkpoint.safetensors curves.png metrics.csv predicted-discs.png"
	if measures(t) {
		want += " timings.json"
	}
	if got := strings.Join(names, " "); got != want {
		t.Errorf("the folder holds %s, want %s", got, want)
	}
	if len(figures) != 1 || figures[0].Slices != 4 || figures[0].Dice == nil || figures[0].AUC == nil {
		t.Errorf("figures are %+v", figures)
	}
	if row := strings.Fields(strings.Trim(strings.Split(rows(t, out), "\n")[1], "[]")); row[0] != "4" || row[2] != number(sum/4) {
		t.Errorf("the first row is %v, the mean loss of four steps is %s", row, number(sum/4))
	}
	m, err := network.Load(filepath.Join(out, BestFile))
	if err != nil {
		t.Fatal(err)
	}
	again, err := Judge(context.Background(), c, m, dataset.Validation, Options{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	if len(again) != 1 || *again[0].Dice != *figures[0].Dice || *again[0].AUC != *figures[0].AUC {
		t.Errorf("judged again, the figures are %+v, not %+v", again, figures)
	}
	if _, err := Judge(context.Background(), c, m, dataset.Test, Options{}); err == nil {
		t.Error("a part without pictures was judged")
	}
	var manifest Manifest
	if err := json.Unmarshal(m.Manifest, &manifest); err != nil {
		t.Fatal(err)
	}
	if manifest.Date != "2020-02-02" || manifest.Version != "test" || manifest.Seed != 3 || manifest.Start != nil ||
		manifest.Data.Slices["discs"]["train"] != 12 || manifest.Data.HeldOut["discs"][0] != "p3: validation" ||
		len(manifest.Data.TrainSHA) != 64 || manifest.Config.Steps != 6 || len(manifest.ConfigSHA) != 64 {
		t.Errorf("manifest is %s", m.Manifest)
	}
}

func TestAClassifierThatLearntLesionsIsKeptWithoutItsDecoder(t *testing.T) {
	c := tinyConfig(t, "lesions", study(t))
	out := t.TempDir()
	masked := 0.0
	err := Run(context.Background(), c, out, Options{Threads: 1, Events: func(e Event) {
		if e.Message == "" {
			masked += e.Loss
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	m, err := network.Load(filepath.Join(out, BestFile))
	if err != nil {
		t.Fatal(err)
	}
	if m.Plan.Kind != network.ClassifierKind || m.Plan.Decoder != nil {
		t.Errorf("the model is %+v", m.Plan)
	}
	if masked/6 < 1 { // a cross entropy of 0.2 times log 2 alone would be far below
		t.Errorf("the mean loss is %.3f: lesions are not in it", masked/6)
	}
	trained, err := loadCheckpoint(filepath.Join(out, CheckpointFile))
	if err != nil {
		t.Fatal(err)
	}
	if len(trained.weights) <= len(m.Weights) {
		t.Errorf("%d tensors were trained, %d are in the model", len(trained.weights), len(m.Weights))
	}
}

func TestTrainingLowersTheLoss(t *testing.T) {
	for _, precision := range []nn.Precision{nn.Float32, nn.BFloat16} {
		t.Run(string(precision), func(t *testing.T) {
			c := tinyConfig(t, "joint", study(t))
			c.Steps, c.Validate.Every, c.Optimise.Rate, c.Optimise.Precision = 25, 25, 1e-2, precision
			var first, last float64
			err := Run(context.Background(), c, t.TempDir(), Options{Threads: 1, Events: func(e Event) {
				switch {
				case e.Message != "":
				case e.Step <= 5:
					first += e.Loss / 5
				case e.Step > 20:
					last += e.Loss / 5
				}
			}})
			if err != nil {
				t.Fatal(err)
			}
			if last > 0.9*first {
				t.Errorf("loss went from %.3f to %.3f", first, last)
			}
		})
	}
}

func TestRunsThatCannotBeTakenUpAreRefused(t *testing.T) {
	data := study(t)
	c := tinyConfig(t, "classifier", data)
	out := t.TempDir()
	if err := Run(context.Background(), c, out, Options{Threads: 1, Resume: true}); err == nil || !strings.Contains(err.Error(), "no run to resume") {
		t.Errorf("resuming nothing: %v", err)
	}
	ctx, events := stopAfter(1)
	if err := Run(ctx, c, out, Options{Threads: 1, Events: events}); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	if err := Run(context.Background(), c, out, Options{Threads: 1}); err == nil || !strings.Contains(err.Error(), "holds a run already") {
		t.Errorf("beginning over a run: %v", err)
	}
	other := tinyConfig(t, "joint", data)
	if err := Run(context.Background(), other, out, Options{Threads: 1, Resume: true}); err == nil || !strings.Contains(err.Error(), "another configuration") {
		t.Errorf("another configuration: %v", err)
	}
	savePicture(t, filepath.Join(data, "00.png"), image.NewGray(image.Rect(0, 0, 64, 64)))
	if err := Run(context.Background(), c, out, Options{Threads: 1, Resume: true}); err == nil || !strings.Contains(err.Error(), "data are not those") {
		t.Errorf("other data: %v", err)
	}
	if err := os.WriteFile(filepath.Join(out, CheckpointFile), []byte("cut"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := Run(context.Background(), c, out, Options{Threads: 1, Resume: true}); err == nil || !strings.Contains(err.Error(), CheckpointFile) {
		t.Errorf("a checkpoint that is cut: %v", err)
	}
}

func TestARunStartsFromWhatFits(t *testing.T) {
	data := study(t)
	from := t.TempDir()
	if err := Run(context.Background(), tinyConfig(t, "classifier", data), from, Options{Threads: 1}); err != nil {
		t.Fatal(err)
	}
	c := tinyConfig(t, "joint", data)
	plan, err := c.NetworkPlan()
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{BestFile, CheckpointFile} {
		c.Start = filepath.Join(from, file)
		_, start, err := c.startWeights(plan)
		if err != nil {
			t.Fatal(err)
		}
		if len(start.SHA256) != 64 || len(start.Taken) < 60 || len(start.Renewed) < 60 {
			t.Errorf("%s: start is %+v", file, start)
		}
		for _, name := range start.Renewed {
			if strings.HasPrefix(name, "encoder.") {
				t.Errorf("%s: %s was not taken", file, name)
			}
		}
	}
	c.Start = filepath.Join(data, "index.csv")
	if _, _, err := c.startWeights(plan); err == nil {
		t.Error("a table was taken for weights")
	}
}
