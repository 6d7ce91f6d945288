package cli

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"runtime"
	"slices"
	"time"

	"github.com/jcs-ct/jcs/diagnose"
	"github.com/jcs-ct/jcs/network"
	"github.com/jcs-ct/jcs/nn"
)

type benchCommand struct {
	Network   []string      `enum:"all,compact-classifier,compact-joint,full-classifier,full-segmenter,full-joint" placeholder:"NAME" help:"Networks to run with random weights: compact-classifier, compact-joint, full-classifier, full-segmenter, full-joint, or all."`
	Model     string        `placeholder:"compact|FILE|DIR" help:"Run the networks of a model with its weights; compact, the embedded one, unless --network is given."`
	Config    string        `placeholder:"FILE" help:"With --what train: the step of a training configuration, with its network, batch, size, losses and optimiser."`
	Precision []string      `default:"exact,auto" enum:"auto,exact,f32,bf16,int8" help:"Arithmetics to run them in: auto, exact, f32, bf16, int8."`
	What      string        `default:"inference" enum:"inference,train" help:"inference or train: a training step."`
	Batch     int           `default:"0" help:"Slices at once, of classifiers and in training; 0 for one, or as many as --config has."`
	Size      int           `default:"0" help:"Side of the input; 0 for the network's own."`
	Threads   int           `default:"0" help:"Threads of the engine; 0 for all processors."`
	Workers   int           `default:"1" help:"Engines side by side, each with its share of the threads and slices of its own; in inference."`
	For       time.Duration `default:"3s" help:"How long to measure each."`
	Without   []string      `placeholder:"PASS" help:"Leave these passes of the engine out, or all of them; with each, measure with all, without each of them, and without any."`
	Profile   bool          `help:"Say what each layer takes."`
	JSON      bool          `name:"json" help:"Print JSON."`
	Child     bool          `hidden:"" help:"Measure what stdin says and answer in JSON."`
}

func (benchCommand) Help() string {
	return benchHelp + "\nPasses of the engine, for --without:\n" + passTable()
}

const benchHelp = `Runs networks on noise and prints for each precision the time that a slice takes in the network
(median, spread, fastest), what of the processor's measured limit that is, and the memory. Each is
measured in a process of its own. docs/bench.md says what the figures mean.

Example: jcs bench --network full-joint --precision exact,f32
Example: jcs bench --what train --network full-segmenter --size 448 --precision f32 --profile
Example: jcs bench --network compact-joint --precision f32 --without each
`

// benchSchema names the JSON of bench.
const benchSchema = "jcs.bench/2"

type benchResult struct {
	Schema         string      `json:"schema"`
	Version        string      `json:"version"`
	Date           string      `json:"date"`
	Processor      string      `json:"processor"`
	Platform       string      `json:"platform"`
	Processors     int         `json:"processors"`
	Threads        int         `json:"threads"`
	Engine         string      `json:"engine"`
	InstructionSet string      `json:"instruction_set,omitempty"`
	What           string      `json:"what"`
	Limits         benchLimits `json:"limits_gflops"`
	Runs           []benchRun  `json:"runs"`
	Warnings       []string    `json:"warnings"`
}

// benchLimits are what the processor does at best, in 10^9 useful operations a
// second.
type benchLimits struct {
	Float32         float64 `json:"f32,omitempty"`
	Winograd        float64 `json:"f32_winograd,omitempty"`
	BFloat16        float64 `json:"bf16,omitempty"`
	RoundedWinograd float64 `json:"bf16_winograd,omitempty"`
	Int8            float64 `json:"int8,omitempty"`
}

// of is the limit of an arithmetic, 0 where there is none.
func (l benchLimits) of(arithmetic string) float64 {
	return map[string]float64{arithmeticFloat32: l.Float32, arithmeticBFloat16: l.BFloat16, arithmeticInt8: l.Int8}[arithmetic]
}

// benchNames are the networks in the order of the table.
func benchNames() []string {
	return []string{"compact-classifier", "compact-joint", "full-classifier", "full-segmenter", "full-joint"}
}

// plans are the networks by their names here.
func plans() map[string]network.Plan {
	return map[string]network.Plan{
		"compact-classifier": network.CompactClassifier(),
		"compact-joint":      network.CompactJoint(),
		"full-classifier":    network.FullClassifier(),
		"full-segmenter":     network.FullSegmenter(),
		"full-joint":         network.FullJoint(),
	}
}

// check finds what is wrong with the command line.
func (c *benchCommand) check() error {
	given := 0
	for _, is := range []bool{len(c.Network) > 0, c.Model != "", c.Config != ""} {
		if is {
			given++
		}
	}
	switch {
	case c.Threads < 0 || c.Batch < 0 || c.For <= 0:
		return usage("--threads and --batch must not be below 0, and --for must be above")
	case c.Workers < 1 || c.Workers > diagnose.MostWorkers:
		return usage("--workers must be from 1 to %d", diagnose.MostWorkers)
	case c.Workers > 1 && c.What == benchTraining:
		return usage("--workers is for --what inference: a step has one engine")
	case c.Size != 0 && (c.Size < 32 || c.Size > 4096):
		return usage("--size must be from 32 to 4096")
	case given > 1:
		return usage("--network, --model and --config exclude each other: each says which networks to run")
	case c.Config != "" && c.What != benchTraining:
		return usage("--config is for --what train")
	}
	_, err := c.leftOut()
	return err
}

// Run measures.
func (c *benchCommand) Run(ctx context.Context, t *terminal) error {
	if c.Child {
		return t.answerTask(ctx, os.Stdin)
	}
	if err := c.check(); err != nil {
		return err
	}
	tasks, err := c.tasks()
	if err != nil {
		return err
	}
	d := benchResult{
		Schema: benchSchema, Version: programVersion(), Date: time.Now().UTC().Format(time.DateOnly),
		Processor: processor(), Platform: runtime.GOOS + "/" + runtime.GOARCH,
		Processors: runtime.NumCPU(), Threads: c.Threads, What: c.What, Warnings: []string{},
	}
	if d.Threads == 0 {
		d.Threads = d.Processors
	}
	d.Engine, d.InstructionSet = engineVersion()
	t.progress("bench", 0, len(tasks))
	if err := c.raise(ctx, &d.Limits); err != nil {
		return err
	}
	for i, task := range tasks {
		run, err := t.measureApart(ctx, task)
		if err != nil {
			return err
		}
		d.Runs = append(d.Runs, run)
		t.progress("bench", i+1, len(tasks))
	}
	// Once more: what else the machine did at the beginning may be over.
	if err := c.raise(ctx, &d.Limits); err != nil {
		return err
	}
	d.compare()
	t.settle()
	if c.JSON {
		return t.json(d)
	}
	return t.bench(d)
}

// raise measures the processor's limits and keeps the higher ones. It does so
// several times, if there is time, so that no arithmetic has all the bad luck.
func (c *benchCommand) raise(ctx context.Context, l *benchLimits) error {
	const times = 3
	for i, begin := 0, time.Now(); i < times && (i == 0 || time.Since(begin) < 4*c.For); i++ {
		m, err := nn.MeasureLimits(ctx, c.Threads, min(c.For, time.Second)/times)
		if err != nil {
			return err
		}
		for _, x := range []struct {
			to       *float64
			measured float64
		}{{&l.Float32, m.Float32}, {&l.Winograd, m.Winograd}, {&l.BFloat16, m.BFloat16}, {&l.RoundedWinograd, m.RoundedWinograd}, {&l.Int8, m.Int8}} {
			*x.to = max(*x.to, round(x.measured/1e9, 1))
		}
	}
	return nil
}

// tasks are what the command line asks for, one for each network and precision.
func (c *benchCommand) tasks() ([]benchTask, error) {
	base := benchTask{
		What: c.What, Config: c.Config, Model: c.Model,
		Batch: c.Batch, Size: c.Size, Threads: c.Threads, Workers: c.Workers, For: c.For, Profile: c.Profile,
	}
	var networks []benchTask
	switch {
	case c.Config != "":
		networks = append(networks, base)
	case len(c.Network) > 0:
		for _, name := range benchNames() {
			if slices.Contains(c.Network, name) || slices.Contains(c.Network, "all") {
				base.Network = name
				networks = append(networks, base)
			}
		}
	default:
		if base.Model == "" {
			base.Model = "compact"
		}
		info, err := os.Stat(base.Model)
		switch {
		case base.Model != "compact" && errors.Is(err, fs.ErrNotExist):
			return nil, usage("--model %s: there is no such file or folder", base.Model)
		case base.Model != "compact" && err != nil:
			return nil, usage("--model: %w", err)
		case base.Model != "compact" && !info.IsDir():
			networks = append(networks, base)
		default:
			for _, base.Part = range []string{classifierPart, segmenterPart} {
				networks = append(networks, base)
			}
		}
	}
	var tasks []benchTask
	leftOut, err := c.leftOut()
	if err != nil {
		return nil, err
	}
	for _, task := range networks {
		for _, task.Precision = range c.Precision {
			for _, task.Without = range leftOut {
				tasks = append(tasks, task)
			}
		}
	}
	return tasks, nil
}
