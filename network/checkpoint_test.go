package network

import (
	"bytes"
	"errors"
	"math"
	"os"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"github.com/jcs-ct/jcs/nn"
	"github.com/jcs-ct/jcs/weights"
	"github.com/jcs-ct/jcs/weights/checkpointtest"
)

// publishedState are the names and shapes of a published state dict.
func publishedState(t *testing.T, name string) []nn.Parameter {
	t.Helper()
	text, err := os.ReadFile("testdata/" + name + ".keys.tsv")
	if err != nil {
		t.Fatal(err)
	}
	var state []nn.Parameter
	for line := range strings.Lines(string(text)) {
		fields := strings.Split(line, "\t")
		p := nn.Parameter{Name: fields[0], Shape: nn.Shape{}}
		for _, n := range strings.Split(fields[1], "x") {
			if axis, err := strconv.Atoi(n); err == nil {
				p.Shape = append(p.Shape, axis)
			}
		}
		state = append(state, p)
	}
	return state
}

func TestEveryPublishedStateDictIsRecognised(t *testing.T) {
	for name, want := range published() {
		got, err := recognise(publishedState(t, name), "")
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s is taken for the %s (%v)", name, got.Name, err)
		}
	}
	both := tinySegmenter(t).Plan
	both.MobileNet.Width, both.Decoder.Widths = 1, [5]int{32, 64, 96, 128, 128}
	all, err := both.Parameters()
	if err != nil {
		t.Fatal(err)
	}
	if got, err := recognise(all, ""); err != nil || !got.SharedHead || got.Kind != JointKind {
		t.Errorf("a compact joint segmenter with a head is taken for the %s (%v)", got.Name, err)
	}
	if got, err := recognise(all[:len(all)-1], "compact-joint"); err != nil && !strings.Contains(err.Error(), "1 missing, 0 unknown") {
		t.Errorf("without its last tensor it is the %s (%v)", got.Name, err)
	}
}

func TestAllTensorsThatDifferAreListed(t *testing.T) {
	state := publishedState(t, "cls101")
	var changed []nn.Parameter
	for _, p := range state {
		switch p.Name {
		case "conv1.0.weight", "layer4.2.conv3.weight":
			continue
		case "fc.weight":
			p.Shape = nn.Shape{1000, 2048} // the ImageNet classifier, which also has a bias
		case "bn1.running_mean":
			changed = append(changed, nn.Parameter{Name: "bn1.num_batches_tracked"}) // harmless
		}
		changed = append(changed, p)
	}
	changed = append(changed, nn.Parameter{Name: "fc.bias", Shape: nn.Shape{1000}}, nn.Parameter{Name: "nowhere.num_batches_tracked"})
	for _, name := range []string{"", "full-classifier"} {
		_, err := recognise(changed, name)
		var differs *MismatchError
		if !errors.As(err, &differs) {
			t.Fatalf("error %v", err)
		}
		want := &MismatchError{
			Network:   "full classifier",
			Missing:   []string{"conv1.0.weight (32x3x3x3)", "layer4.2.conv3.weight (2048x832x1x1)"},
			Unknown:   []string{`"fc.bias" (1000)`, `"nowhere.num_batches_tracked" (scalar)`},
			Misshapen: []string{"fc.weight is 1000x2048, the network has 2x2048"},
		}
		if !reflect.DeepEqual(differs, want) {
			t.Errorf("%q: %+v", name, differs)
		}
		lines := strings.Split(err.Error(), "\n")
		if len(lines) != 6 || !strings.Contains(lines[0], "2 missing, 2 unknown, 1 of another shape") {
			t.Errorf("%v", err)
		}
	}
	if _, err := recognise(state[:20], ""); err == nil || !strings.Contains(err.Error(), "no network that jcs knows") || strings.Contains(err.Error(), "\n") {
		t.Errorf("error %v", err)
	}
	if _, err := recognise(state, "perceptron"); err == nil {
		t.Error("there is a network of any name")
	}
}

// wrapped are the tensors of a model as DataParallel names them.
func wrapped(t *testing.T, m *Model) []checkpointtest.Tensor {
	t.Helper()
	all, err := m.Plan.Parameters()
	if err != nil {
		t.Fatal(err)
	}
	var tensors []checkpointtest.Tensor
	for _, q := range all {
		if x, ok := m.Weights[q.Name]; ok {
			tensors = append(tensors, checkpointtest.Tensor{Name: "module." + q.Name, Shape: x.Shape, Data: x.Data})
		}
	}
	return tensors
}

func TestModelsComeOutOfCheckpoints(t *testing.T) {
	want := initialised(t, CompactClassifier())
	counter := "encoder.conv1.bn." + batchCounter
	for _, c := range []struct {
		name          string
		count, counts float32 // in the checkpoint, below 0 for none, and then
	}{{"a counter", 300, 300}, {"a counter too large", 1 << 30, 0}, {"no counter", -1, 0}} {
		t.Run(c.name, func(t *testing.T) {
			want.Weights[counter] = nn.Tensor{Shape: nn.Shape{}, Data: []float32{c.count}}
			if c.count < 0 {
				delete(want.Weights, counter)
			}
			b := checkpointtest.Legacy("state_dict", wrapped(t, want))
			file, err := weights.ReadCheckpoint(bytes.NewReader(b), int64(len(b)))
			if err != nil {
				t.Fatal(err)
			}
			got, err := FromCheckpoint(file, "")
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(got.Plan, want.Plan) {
				t.Errorf("the plan is %+v", got.Plan)
			}
			for name, x := range want.Weights {
				if name != counter && !reflect.DeepEqual(got.Weights[name].Data, x.Data) {
					t.Errorf("%s differs", name)
				}
			}
			if n := got.Weights[counter]; len(n.Data) != 1 || n.Data[0] != c.counts {
				t.Errorf("the counter is %v", n)
			}
		})
	}
	want.Weights["fc.weight"].Data[7] = float32(math.Inf(-1))
	b := checkpointtest.Legacy("", wrapped(t, want))
	c, err := weights.ReadCheckpoint(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := FromCheckpoint(c, ""); err == nil || !strings.Contains(err.Error(), `"fc.weight" holds a value that is not finite`) {
		t.Errorf("error %v", err)
	}
}
