package cli

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/jcs-ct/jcs/nn"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"jcs": func() { os.Exit(Main(os.Args[1:], os.Stdout, os.Stderr)) },
	})
}

func TestScripts(t *testing.T) {
	schemas, err := filepath.Abs(filepath.Join("..", "..", "docs", "schema"))
	if err != nil {
		t.Fatal(err)
	}
	checkpoints, err := filepath.Abs(filepath.Join("..", "..", "weights", "testdata", "pth"))
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir: filepath.Join("testdata", "script"),
		Setup: func(e *testscript.Env) error {
			e.Setenv("SCHEMAS", schemas)
			e.Setenv("CHECKPOINTS", checkpoints)
			return nil
		},
		Condition: func(name string) (bool, error) {
			switch name {
			case "dicom":
				return canReadDICOM(), nil
			case "int8": // convolutions of 8 bits
				return nn.Reduces(nn.Int8), nil
			case "oneDNN":
				engine, _ := engineVersion()
				return strings.HasPrefix(engine, "oneDNN"), nil
			}
			return false, errors.New("no such condition")
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"status":     status,
			"valid":      valid,
			"models":     writeModels,
			"checkpoint": writeCheckpoint,
			"study":      writeStudy,
			"volume":     writeVolume,
			"placeless":  withoutPlace,
			"slice":      writeSlice,
			"deep":       writeDeepSlice,
			"ultrasound": writeUltrasound,
			"truncate":   truncate,
		},
	})
}

// status N program args...: runs a program, which must end with that status.
func status(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: status N program args...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec(args[1], args[2:]...)
	got := 0
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		got = exit.ExitCode()
	case err != nil:
		ts.Fatalf("%v", err)
	}
	if got != want {
		ts.Fatalf("exit status %d, want %d", got, want)
	}
}

// valid SCHEMA file: holds a JSON file, or stdout, against a schema.
func valid(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: valid SCHEMA file")
	}
	schema, err := jsonschema.NewCompiler().Compile(filepath.Join(ts.Getenv("SCHEMAS"), args[0]+".schema.json"))
	ts.Check(err)
	text := ts.ReadFile(args[1])
	value, err := jsonschema.UnmarshalJSON(stringReader(text))
	ts.Check(err)
	if err := schema.Validate(value); err != nil {
		ts.Fatalf("%s: %v", args[1], err)
	}
}
