package train

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jcs-ct/jcs/dataset"
	"github.com/jcs-ct/jcs/internal/parsetest"
)

// recipes are the configurations that the project offers.
func recipes(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("../configs/*.toml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no configurations found: %v", err)
	}
	return files
}

func TestTheOfferedConfigurationsAreTaken(t *testing.T) {
	for _, file := range recipes(t) {
		c, err := ReadConfig(file)
		if err != nil {
			t.Error(err)
			continue
		}
		plan, err := c.NetworkPlan()
		if err != nil {
			t.Errorf("%s: %v", file, err)
			continue
		}
		if _, err := plan.Graph(1, c.Augment.Height, c.Augment.Width); err != nil {
			t.Errorf("%s: %v", file, err)
		}
	}
}

func TestTheOfferedSplitsKeepGroupsApart(t *testing.T) {
	if _, err := os.Stat("../../shared/data"); err != nil {
		t.Skip("no ../shared/data beside the project: the offered splits are not tried")
	}
	for _, file := range recipes(t) {
		c, err := ReadConfig(file)
		if err != nil {
			t.Fatal(err)
		}
		items, err := dataset.ReadAll(filepath.Join("..", c.Data.Folder), c.Sources)
		if err != nil {
			t.Errorf("%s: %v", file, err)
			continue
		}
		count := map[string]map[dataset.Part]int{}
		for _, it := range items {
			if count[it.Source] == nil {
				count[it.Source] = map[dataset.Part]int{}
			}
			count[it.Source][it.Part]++
			if it.Group == "Lung_Dx-A0001" && it.Part != dataset.Excluded {
				t.Errorf("%s: %s is the patient of data/chest-series and in the %v part", file, it.Image, it.Part)
			}
		}
		for source, n := range count {
			if n[dataset.Train] == 0 || n[dataset.Validation] == 0 || n[dataset.Test] == 0 {
				t.Errorf("%s: source %s has a part without slices: %v", file, source, n)
			}
		}
	}
}

const sound = `
kind = "classifier"
steps = 5
[plan]
base = "compact-classifier"
[[source]]
name = "a"
index = "a.csv"
per_batch = 2
[optimise]
method = "adamw"
rate = 1e-3
schedule = "cosine"
[validate]
every = 2
`

func TestFaultyConfigurationsAreRefusedByTheirKey(t *testing.T) {
	c, err := ParseConfig([]byte(sound))
	if err != nil {
		t.Fatal(err)
	}
	if c.Augment.View != 256 || c.Augment.Width != 256 || c.Validate.Batch != 8 {
		t.Errorf("what was left out became %+v", c.Augment)
	}
	for name, edit := range map[string][3]string{
		"a key that is not known":       {"steps = 5", "steps = 5\nspeed = 3", "speed"},
		"a key not known in a table":    {"per_batch = 2", "perbatch = 2", "perbatch"},
		"not TOML":                      {"steps = 5", "steps = = 5", "toml"},
		"no steps":                      {"steps = 5", "steps = 0", "steps"},
		"another kind than the plan's":  {`"classifier"`, `"joint"`, "kind"},
		"a plan that is not there":      {"compact-classifier", "huge", "plan.base"},
		"a schedule that is not there":  {"cosine", "linear", "schedule"},
		"an optimiser that is not":      {"adamw", "lion", "method"},
		"a precision that is not":       {"rate = 1e-3", "rate = 1e-3\nprecision = \"int8\"", "precision"},
		"no rate":                       {"rate = 1e-3", "rate = 0", "rate"},
		"no validation":                 {"every = 2", "every = 0", "validate.every"},
		"a class loss without a head":   {"[optimise]", "[loss]\nclass = 1\n[optimise]", "shared_head"},
		"widths of a classifier":        {"[[source]]", "widths = [1, 2, 3, 4, 5]\n[[source]]", "plan.widths"},
		"lesions without a class loss":  {"[[source]]", "lesions = true\n[[source]]", "loss.class"},
		"masks that are blended":        {"[[source]]", "lesions = true\n[loss]\nclass = 1\n[mixing]\nchance = 1\n[[source]]", "mixing"},
		"no source":                     {"[[source]]\nname = \"a\"\nindex = \"a.csv\"\nper_batch = 2\n", "", "source"},
		"an average that never forgets": {"rate = 1e-3", "rate = 1e-3\naverage = 1", "average"},
	} {
		t.Run(name, func(t *testing.T) {
			text := strings.Replace(sound, edit[0], edit[1], 1)
			if text == sound {
				t.Fatal("the edit does nothing")
			}
			_, err := ParseConfig([]byte(text))
			if err == nil || !strings.Contains(err.Error(), edit[2]) {
				t.Errorf("error is %v, want one with %q", err, edit[2])
			}
		})
	}
}

func FuzzParseConfig(f *testing.F) {
	files, err := filepath.Glob("../configs/*.toml")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Add([]byte("a.a.a.a = {a = [[[[]]]]}"))
	f.Fuzz(func(t *testing.T, text []byte) {
		parsetest.Hold(t, len(text), func() {
			if c, err := ParseConfig(text); err == nil && (c.Steps < 1 || len(c.Sources) == 0 || c.digest == "") {
				t.Fatalf("%+v passed", c)
			}
		})
	})
}
