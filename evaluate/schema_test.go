package evaluate_test

import (
	"bytes"
	"encoding/json"
	"path/filepath"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/jcs-ct/jcs/evaluate"
)

func TestResultsFollowTheirSchema(t *testing.T) {
	model := &evaluate.Model{Name: "compact", SHA256: "00", Precision: "exact"}
	whole := study(t)
	whole.Model = model
	oneClass := classify(t, []float64{0.2}, []int{1}, nil, evaluate.ClassificationOptions{})
	slices := segment(t, evaluate.SegmentationOptions{IoUEval: true},
		grid("a", "first", []string{"#.", ".."}, 0.8, 0.2, 0.1, 0),
		grid("b", "second", []string{"..", ".."}, 0, 0.2, 0.1, 0))
	slices.Model = model
	for _, c := range []struct {
		name, schema string
		result       any
	}{
		{"classification", "evaluation.classification.schema.json", whole},
		{"classification of one case", "evaluation.classification.schema.json", oneClass},
		{"segmentation", "evaluation.segmentation.schema.json", slices},
	} {
		t.Run(c.name, func(t *testing.T) {
			schema, err := jsonschema.NewCompiler().Compile(filepath.Join("..", "docs", "schema", c.schema))
			if err != nil {
				t.Fatal(err)
			}
			data, err := json.Marshal(c.result)
			if err != nil {
				t.Fatal(err)
			}
			value, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
			if err != nil {
				t.Fatal(err)
			}
			if err := schema.Validate(value); err != nil {
				t.Errorf("%v\n%s", err, data)
			}
		})
	}
}
