package cli

import (
	"context"
	"fmt"
	"image"
	"runtime"
	"slices"
	"time"

	"github.com/jcs-ct/jcs/network"
)

type benchCommand struct {
	Network   []string      `enum:"compact-classifier,compact-joint,full-classifier,full-segmenter,full-joint" placeholder:"NAME" help:"Networks to run: compact-classifier, compact-joint, full-classifier, full-segmenter, full-joint; the compact ones by default."`
	Precision []string      `default:"exact,auto" enum:"auto,exact,f32,bf16" help:"Arithmetics to run them in."`
	Threads   int           `default:"0" help:"Threads of the engine; 0 for all processors."`
	For       time.Duration `default:"3s" help:"How long to measure each."`
	JSON      bool          `name:"json" help:"Print JSON."`
}

func (benchCommand) Help() string {
	return `Runs networks with weights of no meaning on one slice of noise, preparation included, and
prints the median of the time that a slice takes.

Example: jcs bench --network full-joint --precision auto`
}

// benchSchema names the JSON of bench.
const benchSchema = "jcs.bench/1"

type benchResult struct {
	Schema         string       `json:"schema"`
	Platform       string       `json:"platform"`
	Processors     int          `json:"processors"`
	Threads        int          `json:"threads"`
	Engine         string       `json:"engine"`
	InstructionSet string       `json:"instruction_set,omitempty"`
	Runs           []benchEntry `json:"runs"`
}

type benchEntry struct {
	Network   string  `json:"network"`
	Precision string  `json:"precision"`
	Height    int     `json:"height"`
	Width     int     `json:"width"`
	Slices    int     `json:"slices"`
	MedianMS  float64 `json:"median_ms"`
	FastestMS float64 `json:"fastest_ms"`
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

// Run measures.
func (c *benchCommand) Run(ctx context.Context, t *terminal) error {
	if c.Threads < 0 || c.For <= 0 {
		return usage("--threads must not be below 0, and --for must be above")
	}
	names := c.Network
	if len(names) == 0 {
		names = []string{"compact-classifier", "compact-joint"}
	}
	d := benchResult{
		Schema: benchSchema, Platform: runtime.GOOS + "/" + runtime.GOARCH, Processors: runtime.NumCPU(), Threads: c.Threads,
	}
	if d.Threads == 0 {
		d.Threads = d.Processors
	}
	d.Engine, d.InstructionSet = engineVersion()
	total := len(names) * len(c.Precision)
	for _, name := range names {
		plan := plans()[name]
		weights, err := plan.Initial(1)
		if err != nil {
			return err
		}
		m := &network.Model{Plan: plan, Weights: weights}
		for _, precision := range c.Precision {
			entry, err := c.measure(ctx, m, network.Options{Precision: network.Precision(precision), Threads: c.Threads})
			if err != nil {
				return err
			}
			entry.Network, entry.Precision = name, precision
			d.Runs = append(d.Runs, entry)
			t.progress("bench", len(d.Runs), total)
		}
	}
	t.settle()
	if c.JSON {
		return t.json(d)
	}
	rows := [][]string{{"network", "precision", "input", "median", "fastest", "slices"}}
	for _, e := range d.Runs {
		rows = append(rows, []string{
			e.Network, e.Precision, fmt.Sprintf("%d x %d", e.Height, e.Width),
			fmt.Sprintf("%.1f ms", e.MedianMS), fmt.Sprintf("%.1f ms", e.FastestMS), fmt.Sprint(e.Slices),
		})
	}
	if err := t.table(rows); err != nil {
		return err
	}
	_, err := fmt.Fprintf(t.out, "%s, %s, %d threads\n", d.Engine, d.InstructionSet, d.Threads)
	return err
}

// measure runs a network for a while, after one slice to warm up.
func (c *benchCommand) measure(ctx context.Context, m *network.Model, o network.Options) (benchEntry, error) {
	run, stop, err := runner(m, o)
	if err != nil {
		return benchEntry{}, err
	}
	defer stop()
	p := noise(512)
	var took []time.Duration
	for begin := time.Now(); len(took) < 6 || time.Since(begin) < c.For; {
		start := time.Now()
		if err := run(ctx, p); err != nil {
			return benchEntry{}, err
		}
		took = append(took, time.Since(start))
	}
	took = took[1:]
	slices.Sort(took)
	ms := func(d time.Duration) float64 { return float64(d.Round(time.Microsecond)) / float64(time.Millisecond) }
	return benchEntry{
		Height: m.Plan.Height, Width: m.Plan.Width, Slices: len(took),
		MedianMS: ms(took[len(took)/2]), FastestMS: ms(took[0]),
	}, nil
}

// runner compiles a network and returns what runs it on one slice.
func runner(m *network.Model, o network.Options) (run func(context.Context, *image.Gray) error, stop func(), err error) {
	if m.Plan.Kind == network.ClassifierKind {
		n, err := network.NewClassifier(m, o)
		if err != nil {
			return nil, nil, err
		}
		return func(ctx context.Context, p *image.Gray) error {
			_, err := n.Classify(ctx, p)
			return err
		}, n.Close, nil
	}
	n, err := network.NewSegmenter(m, o)
	if err != nil {
		return nil, nil, err
	}
	return func(ctx context.Context, p *image.Gray) error {
		_, err := n.Segment(ctx, p)
		return err
	}, n.Close, nil
}

// noise is a picture without a pattern, the same every time.
func noise(side int) *image.Gray {
	p := image.NewGray(image.Rect(0, 0, side, side))
	state := uint32(1)
	for i := range p.Pix {
		state = state*1664525 + 1013904223
		p.Pix[i] = uint8(state >> 24)
	}
	return p
}
