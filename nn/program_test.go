package nn

import (
	"strings"
	"testing"
)

func TestAPrecisionThatThereIsNotIsRefused(t *testing.T) {
	eachExecutor(t, func(t *testing.T, e Executor) {
		g := smallNetwork()
		w := randomWeights(random("precision"), g)
		for _, p := range []Precision{"", Exact, Auto, Float32} {
			program, err := Compile(g, w, Options{Executor: e, Precision: p})
			if err != nil {
				t.Fatalf("%q: %v", p, err)
			}
			program.Close()
		}
		_, err := Compile(g, w, Options{Executor: e, Precision: "int4"})
		if err == nil || !strings.Contains(err.Error(), "int8") {
			t.Errorf("int8 gives %v", err)
		}
	})
}
