package network

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/jcs-ct/jcs/nn"
)

// published are the plans whose parameters and taps are held against the
// published code, by the names of the fixtures.
func published() map[string]Plan {
	return map[string]Plan{
		"joint": FullJoint(), "single": FullSegmenter(),
		"cls101": FullClassifier(), "cls50": FullClassifier50(),
	}
}

func TestParametersEqualThePublishedStateDict(t *testing.T) {
	for name, plan := range published() {
		t.Run(name, func(t *testing.T) {
			text, err := os.ReadFile("testdata/" + name + ".keys.tsv")
			if err != nil {
				t.Fatal(err)
			}
			want := strings.Split(strings.TrimSpace(string(text)), "\n")
			all, err := plan.Parameters()
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, p := range all {
				got = append(got, keyLine(p))
			}
			if len(got) != len(want) {
				t.Errorf("%d tensors, published are %d", len(got), len(want))
			}
			for i := range min(len(got), len(want)) {
				if got[i] != want[i] {
					t.Fatalf("tensor %d is\n%s, published is\n%s", i, got[i], want[i])
				}
			}
		})
	}
}

// keyLine is a parameter as the key lists have it.
func keyLine(p nn.Parameter) string {
	dtype, kind := "float32", "buffer"
	if strings.HasSuffix(p.Name, batchCounter) {
		dtype = "int64"
	}
	if p.Trained {
		kind = "parameter"
	}
	return fmt.Sprintf("%s\t%v\t%s\t%s", p.Name, p.Shape, dtype, kind)
}
