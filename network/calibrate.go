package network

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"image"
	"math"
	"slices"

	"github.com/jcs-ct/jcs/nn"
)

// CalibrateOptions say on what, and how, a model is calibrated.
type CalibrateOptions struct {
	Name      string            // of the set of pictures
	Ranges    []*image.Gray     // to take the ranges from
	Check     []*image.Gray     // others, to compare the precisions on
	Engine    Options           // threads and timings
	Processor string            // for the record
	Date      string            // for the record
	Say       func(step string) // told of each step, if set
}

// Calibrate finds the ranges of a model's convolutions and, for each reduced
// precision, which convolutions must be kept from it for its answers to agree
// with the exact ones: first none; where that does not hold, those that alone do
// most to the answers for what they save, as few of them as are needed. What is
// kept from 8 bits is computed in bfloat16, unless it is kept from that too.
// Where 8 bits do not hold at once and are nearer with equalised weights, the
// result has those: see [nn.Equalise]. It is m with a record, and gives m's
// answers. A precision that is not computed on this processor is left out of the
// record, and so allowed nowhere.
func Calibrate(ctx context.Context, m *Model, o CalibrateOptions) (*Model, error) {
	if len(o.Ranges) == 0 || len(o.Check) == 0 {
		return nil, errors.New("calibrating needs pictures for the ranges and others to check on")
	}
	precisions := slices.DeleteFunc([]nn.Precision{nn.BFloat16, nn.Int8}, func(p nn.Precision) bool { return !nn.Reduces(p) })
	if len(precisions) == 0 {
		return nil, errors.New("neither bfloat16 nor 8 bits are computed here, so that float32 would be checked: calibrate with oneDNN on a processor with AVX-512 and VNNI")
	}
	c, err := newCalibration(m, o)
	if err != nil {
		return nil, err
	}
	defer c.close()
	if c.found, c.channels, err = c.observe(ctx, c.weights); err != nil {
		return nil, err
	}
	if c.exact, err = c.answers(ctx, nn.Exact, c.check); err != nil {
		return nil, err
	}
	r := &PrecisionRecord{
		Schema: precisionSchema,
		Set:    PrecisionSet{Name: o.Name, Calibrated: len(o.Ranges), Checked: len(o.Check), SHA256: c.digest()},
	}
	for _, p := range precisions {
		if p == nn.Int8 {
			if r.Equalised, err = c.equalise(ctx); err != nil {
				return nil, err
			}
		}
		check, err := c.settle(ctx, p)
		if err != nil {
			return nil, err
		}
		check.Processor, check.Date = o.Processor, o.Date
		r.Checks = append(r.Checks, check)
	}
	r.Calibration = c.found
	return &Model{Plan: m.Plan, Weights: c.weights, Manifest: m.Manifest, Record: r}, nil
}

// calibration is one under way.
type calibration struct {
	model         *Model
	options       CalibrateOptions
	graph         *nn.Graph
	weights       nn.Weights
	ranges, check []nn.Tensor
	exact         [][]float32 // answers to check
	found         *nn.Calibration
	packed        nn.Packed
	last          *nn.Program
	channels      map[string]nn.ChannelSizes
}

func newCalibration(m *Model, o CalibrateOptions) (*calibration, error) {
	outputs := HeadLogits()[:1]
	if !m.Plan.segments() {
		outputs = []string{"softmax"}
	}
	g, err := m.Plan.GraphWith(GraphOptions{Outputs: outputs}, 1, m.Plan.Height, m.Plan.Width)
	if err != nil {
		return nil, err
	}
	c := &calibration{model: m, options: o, graph: g, weights: m.Weights}
	if c.ranges, err = c.prepared(o.Ranges); err != nil {
		return nil, err
	}
	c.check, err = c.prepared(o.Check)
	return c, err
}

func (c *calibration) prepared(pictures []*image.Gray) ([]nn.Tensor, error) {
	var all []nn.Tensor
	for _, p := range pictures {
		t, err := c.model.Plan.Prepare(p)
		if err != nil {
			return nil, err
		}
		all = append(all, t)
	}
	return all, nil
}

// digest is that of everything that the network was given.
func (c *calibration) digest() string {
	h := sha256.New()
	var word [4]byte
	for _, t := range slices.Concat(c.ranges, c.check) {
		for _, v := range t.Data[:len(t.Data)/3] { // the three channels are one picture
			binary.LittleEndian.PutUint32(word[:], math.Float32bits(v))
			h.Write(word[:])
		}
	}
	return hex.EncodeToString(h.Sum(nil))
}

func (c *calibration) say(format string, args ...any) {
	if c.options.Say != nil {
		c.options.Say(fmt.Sprintf(format, args...))
	}
}

// engine has every convolution computed in the narrowest types, so that the
// record holds for machines that choose otherwise.
func (c *calibration) engine(p nn.Precision) nn.Options {
	e := c.options.Engine
	return nn.Options{
		Precision: p, Threads: e.Threads, Timings: e.Timings, Calibration: c.found, Narrowest: true,
		Engine: e.Engine, Packed: &c.packed,
	}
}

// observe finds the ranges for some weights of the model's.
func (c *calibration) observe(ctx context.Context, w nn.Weights) (*nn.Calibration, map[string]nn.ChannelSizes, error) {
	watch, err := nn.NewCalibrator(c.graph, w, c.engine(nn.Exact))
	if err != nil {
		return nil, nil, fmt.Errorf("calibrating the %s: %w", c.model.Plan.Name, err)
	}
	defer watch.Close()
	for i, t := range c.ranges {
		if err := watch.Observe(ctx, []nn.Tensor{t}); err != nil {
			return nil, nil, fmt.Errorf("calibrating the %s: %w", c.model.Plan.Name, err)
		}
		c.say("ranges: %d of %d pictures", i+1, len(c.ranges))
	}
	found := watch.Calibration()
	found.Kept = map[nn.Precision][]string{}
	return found, watch.Channels(), nil
}

// equalise takes equalised weights where they bring 8 bits nearer to the exact
// answers, and reports whether they do. They are exactly as good in all other
// precisions, as only exponents differ.
func (c *calibration) equalise(ctx context.Context) (bool, error) {
	before, err := c.try(ctx, nn.Int8, nil)
	if err != nil || before.Holds() {
		return false, err
	}
	weights, found := c.weights, c.found
	c.weights = nn.Equalise(c.graph, weights, c.channels)
	if c.found, _, err = c.observe(ctx, c.weights); err != nil {
		return false, err
	}
	c.found.Kept[nn.BFloat16] = found.Kept[nn.BFloat16]
	c.say("with equalised weights:")
	after, err := c.try(ctx, nn.Int8, nil)
	if err != nil {
		return false, err
	}
	if !after.nearer(before) {
		c.weights, c.found = weights, found
		return false, nil
	}
	return true, nil
}

// answers are the network's in a precision: logits of a mask, or probabilities.
func (c *calibration) answers(ctx context.Context, p nn.Precision, inputs []nn.Tensor) ([][]float32, error) {
	program, err := nn.Compile(c.graph, c.weights, c.engine(p))
	if err != nil {
		return nil, fmt.Errorf("compiling the %s in %s: %w", c.model.Plan.Name, p, err)
	}
	c.close()
	c.last = program
	var all [][]float32
	for _, t := range inputs {
		out := program.NewOutputs()
		if err := program.Run(ctx, []nn.Tensor{t}, out); err != nil {
			return nil, fmt.Errorf("running the %s in %s: %w", c.model.Plan.Name, p, err)
		}
		all = append(all, out[0].Data)
	}
	return all, nil
}

// close frees the program that ran last. Until the next is compiled it stays, as
// most of its packed weights are the next one's too.
func (c *calibration) close() {
	if c.last != nil {
		c.last.Close()
		c.last = nil
	}
}

// try checks a precision with some convolutions kept from it.
func (c *calibration) try(ctx context.Context, p nn.Precision, kept []string) (PrecisionCheck, error) {
	c.found.Kept[p] = kept
	got, err := c.answers(ctx, p, c.check)
	if err != nil {
		return PrecisionCheck{}, err
	}
	check := c.compare(p, got, c.exact)
	check.Kept = len(kept)
	c.say("%s with %d convolutions kept: %s", p, len(kept), check)
	return check, nil
}

// settle finds what must be kept from a precision for it to hold.
func (c *calibration) settle(ctx context.Context, p nn.Precision) (PrecisionCheck, error) {
	check, err := c.try(ctx, p, nil)
	if err != nil || check.Holds() {
		return check, err
	}
	order, err := c.sensitive(ctx, p)
	if err != nil {
		return check, err
	}
	// As few as are needed: double, then halve the interval.
	low, high := 0, 1
	for ; high < len(order); high *= 2 {
		if check, err = c.try(ctx, p, order[:high]); err != nil {
			return check, err
		}
		if check.Holds() {
			break
		}
		low = high
	}
	high = min(high, len(order))
	best, found := check, high
	for high-low > 1 {
		middle := (low + high) / 2
		if check, err = c.try(ctx, p, order[:middle]); err != nil {
			return check, err
		}
		if check.Holds() {
			high, found, best = middle, middle, check
		} else {
			low = middle
		}
	}
	c.found.Kept[p] = order[:found]
	return best, nil
}

// sensitive are the convolutions' names, first the one which alone in a reduced
// precision changes the answers most for the operations that it makes cheaper.
func (c *calibration) sensitive(ctx context.Context, p nn.Precision) ([]string, error) {
	inputs := c.ranges[:min(len(c.ranges), 2)]
	exact, err := c.answers(ctx, nn.Exact, inputs)
	if err != nil {
		return nil, err
	}
	var names []string
	for name := range c.found.Convolutions {
		names = append(names, name)
	}
	slices.Sort(names)
	harm := map[string]float64{}
	settled := c.found.Kept[nn.BFloat16]
	defer func() { c.found.Kept[nn.BFloat16] = settled }()
	for i, name := range names {
		others := slices.Concat(names[:i], names[i+1:])
		// All of these stay float32, or bfloat16 would drown what 8 bits do.
		c.found.Kept[p], c.found.Kept[nn.BFloat16] = others, others
		got, err := c.answers(ctx, p, inputs)
		if err != nil {
			return nil, err
		}
		for k := range got {
			for j, v := range got[k] {
				d := float64(v) - float64(exact[k][j])
				harm[name] += d * d * nearness(exact[k][j], c.model.Plan.segments())
			}
		}
		c.say("sensitivity in %s: %d of %d convolutions, %s: %.3g", p, i+1, len(names), name, harm[name])
	}
	operations := c.graph.ConvolutionOperations()
	slices.SortStableFunc(names, func(a, b string) int {
		return cmp.Compare(harm[b]/float64(operations[b]), harm[a]/float64(operations[a]))
	})
	return names, nil
}

// nearness weighs a mask's logit by how easily its pixel changes sides.
func nearness(logit float32, mask bool) float64 {
	if !mask {
		return 1
	}
	p := probability(logit)
	return p * (1 - p)
}

func probability(logit float32) float64 { return 1 / (1 + math.Exp(-float64(logit))) }

// compare holds answers against the exact ones.
func (c *calibration) compare(p nn.Precision, got, exact [][]float32) PrecisionCheck {
	check := PrecisionCheck{Precision: p}
	if c.model.Plan.segments() {
		sum, worst := 0.0, 1.0
		for i := range got {
			dice, difference, ok := maskAgreement(got[i], exact[i])
			check.Difference = max(check.Difference, difference)
			if ok {
				check.Masks++
				sum += dice
				worst = min(worst, dice)
			}
		}
		mean := sum / float64(max(check.Masks, 1))
		check.Dice, check.WorstDice = &mean, &worst
		return check
	}
	changed := 0
	check.Margin = verdictMargin
	positive := c.model.Plan.Positive
	for i := range got {
		a, b := float64(got[i][positive]), float64(exact[i][positive])
		check.Difference = max(check.Difference, math.Abs(a-b))
		if (a > 0.5) != (b > 0.5) && math.Abs(b-0.5) > verdictMargin {
			changed++
		}
	}
	check.Changed = &changed
	return check
}

// maskAgreement is the overlap of two masks given by their logits; ok is false
// where both are empty.
func maskAgreement(a, b []float32) (dice, difference float64, ok bool) {
	inA, inB, both := 0, 0, 0
	for i := range a {
		difference = max(difference, math.Abs(probability(a[i])-probability(b[i])))
		if a[i] > 0 {
			inA++
		}
		if b[i] > 0 {
			inB++
			if a[i] > 0 {
				both++
			}
		}
	}
	if inA+inB == 0 {
		return 1, difference, false
	}
	return 2 * float64(both) / float64(inA+inB), difference, true
}

// String is the check in a few words.
func (c PrecisionCheck) String() string {
	text := fmt.Sprintf("probabilities differ by %.3f at most", c.Difference)
	if c.Dice != nil {
		text = fmt.Sprintf("masks agree by a Dice of %.4f (worst %.4f of %d), ", *c.Dice, *c.WorstDice, c.Masks) + text
	}
	if c.Changed != nil {
		text = fmt.Sprintf("%d verdicts change, ", *c.Changed) + text
	}
	return text
}
