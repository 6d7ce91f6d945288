package train

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/pelletier/go-toml/v2"

	"github.com/jcs-ct/jcs/dataset"
	"github.com/jcs-ct/jcs/network"
	"github.com/jcs-ct/jcs/nn"
)

// Config says everything about a run but where it goes. It is read from TOML;
// configs/ has commented examples.
type Config struct {
	Name  string       `toml:"name"`
	Kind  network.Kind `toml:"kind"`
	Seed  uint64       `toml:"seed"`
	Steps int          `toml:"steps"`
	// Start is a safetensors file to start from: a model or checkpoint of jcs,
	// or the Keras MobileNet. What fits by name and shape is taken.
	Start string `toml:"start"`

	Plan     PlanConfig           `toml:"plan"`
	Data     DataConfig           `toml:"data"`
	Sources  []dataset.Source     `toml:"source"`
	Augment  dataset.Augmentation `toml:"augment"`
	Mixing   dataset.Mixing       `toml:"mixing"`
	Loss     LossConfig           `toml:"loss"`
	Optimise OptimiseConfig       `toml:"optimise"`
	Validate ValidateConfig       `toml:"validate"`

	digest string
}

// PlanConfig is one of network's plans with changes.
type PlanConfig struct {
	Base       string   `toml:"base"`       // compact-classifier, compact-joint, full-classifier, ...
	Classes    []string `toml:"classes"`    // names in the order of the labels; empty: the plan's
	Size       int      `toml:"size"`       // side of the input in tests; 0: the plan's
	Multiplier float64  `toml:"multiplier"` // of MobileNet's channels; 0: the plan's
	SharedHead bool     `toml:"shared_head"`
	Widths     []int    `toml:"widths"` // of the decoder's five stages; empty: the plan's
	// Lesions makes a compact classifier learn the lesions of slices with masks
	// at the same time, by the decoder of the compact joint segmenter, which is
	// left out of the model.
	Lesions bool `toml:"lesions"`
}

// DataConfig says where the data are and how they are kept.
type DataConfig struct {
	Folder  string `toml:"folder"`  // what the sources' paths are relative to
	Longest int    `toml:"longest"` // training pictures are kept at most this large; 0: as they are
	Workers int    `toml:"workers"` // goroutines that make batches; 0: one
}

// LossConfig says what is minimised.
type LossConfig struct {
	// Heads weigh the five outputs of a segmenting network, the finest first.
	// Empty: 1 each, as published.
	Heads []float64 `toml:"heads"`
	// WholeBatch takes one Dice over the batch, as published, and not one for
	// each slice.
	WholeBatch bool `toml:"whole_batch"`
	// Probabilities takes the loss of probabilities with clamped logarithms, as
	// published, and not of logits.
	Probabilities bool `toml:"probabilities"`
	// Class weighs the cross entropy of a shared head beside the masks' loss.
	Class float64 `toml:"class"`
	// Smoothing of the labels.
	Smoothing float64 `toml:"smoothing"`
}

// OptimiseConfig says how.
type OptimiseConfig struct {
	Method      string             `toml:"method"` // adamw, adam or sgd
	Rate        float64            `toml:"rate"`
	Rates       map[string]float64 `toml:"rates"` // factors of the rate, by the beginnings of names
	WeightDecay float64            `toml:"weight_decay"`
	DecayAll    bool               `toml:"decay_all"` // biases and norms too, as published
	Momentum    float64            `toml:"momentum"`  // of sgd
	Schedule    string             `toml:"schedule"`  // cosine, poly, constant, published
	WarmUp      float64            `toml:"warm_up"`   // share of the steps
	Clip        float64            `toml:"clip"`      // largest norm of the gradient; 0: none
	Average     float64            `toml:"average"`   // decay of the moving average; 0: none
	// Precision is that of the convolutions' products: f32, or bf16, where it is
	// faster. Everything else is float32. Empty: f32.
	Precision nn.Precision `toml:"precision"`
}

// ValidateConfig says how often and on what a run is judged.
type ValidateConfig struct {
	Every    int  `toml:"every"`    // steps
	Limit    int  `toml:"limit"`    // pictures of each source, spread evenly; 0: all
	Batch    int  `toml:"batch"`    // pictures at once; 0: 8
	Flip     bool `toml:"flip"`     // average with the mirrored picture
	Pictures int  `toml:"pictures"` // predicted samples to draw for each source
}

// maxConfigBytes is far more than any configuration has.
const maxConfigBytes = 256 << 10

// ReadConfig reads a configuration. A key that is not known is an error.
func ReadConfig(name string) (Config, error) {
	f, err := os.Open(name)
	if err != nil {
		return Config{}, fmt.Errorf("reading the training configuration: %w", err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxConfigBytes+1))
	if err != nil {
		return Config{}, fmt.Errorf("reading the training configuration: %w", err)
	}
	if len(text) > maxConfigBytes {
		return Config{}, fmt.Errorf("training configuration %s: is larger than %d KiB", name, maxConfigBytes>>10)
	}
	c, err := ParseConfig(text)
	if err != nil {
		return Config{}, fmt.Errorf("training configuration %s: %w", name, err)
	}
	return c, nil
}

// ParseConfig reads a configuration from TOML.
func ParseConfig(text []byte) (Config, error) {
	var c Config
	d := toml.NewDecoder(bytes.NewReader(text)).DisallowUnknownFields()
	if err := d.Decode(&c); err != nil {
		var strict *toml.StrictMissingError
		if errors.As(err, &strict) {
			return Config{}, fmt.Errorf("unknown keys:\n%s", strict.String())
		}
		return Config{}, err
	}
	sum := sha256.Sum256(text)
	c.digest = hex.EncodeToString(sum[:])
	return c, c.check()
}

func (c *Config) check() error {
	plan, err := c.NetworkPlan()
	if err != nil {
		return err
	}
	if c.Augment.View == 0 {
		c.Augment.View = plan.Height
	}
	if c.Augment.Width == 0 && c.Augment.Height == 0 {
		c.Augment.Width, c.Augment.Height = plan.Width, plan.Height
	}
	if c.Validate.Batch == 0 {
		c.Validate.Batch = 8
	}
	trained, err := c.trainedPlan()
	if err != nil {
		return err
	}
	segments := trained.Kind != network.ClassifierKind
	o := c.Optimise
	switch {
	case c.Steps < 1:
		return fmt.Errorf("steps is %d, there must be at least one", c.Steps)
	case len(c.Sources) == 0:
		return errors.New("there is no [[source]] to learn from")
	case c.Validate.Every < 1:
		return errors.New("validate.every must be at least one step")
	case o.Rate <= 0:
		return errors.New("optimise.rate must be above 0")
	case o.WarmUp < 0 || o.WarmUp > 1 || o.Average < 0 || o.Average >= 1:
		return errors.New("optimise.warm_up and optimise.average are shares of 1")
	case !slices.Contains([]nn.Precision{"", nn.Float32, nn.BFloat16}, o.Precision):
		return fmt.Errorf("optimise.precision %q is none of f32, bf16", o.Precision)
	case !slices.Contains([]string{"adamw", "adam", "sgd"}, o.Method):
		return fmt.Errorf("optimise.method %q is none of adamw, adam, sgd", o.Method)
	case !slices.Contains([]string{"cosine", "poly", "constant", "published"}, o.Schedule):
		return fmt.Errorf("optimise.schedule %q is none of cosine, poly, constant, published", o.Schedule)
	case segments && len(c.Loss.Heads) != 0 && len(c.Loss.Heads) != 5:
		return fmt.Errorf("loss.heads has %d weights for five heads", len(c.Loss.Heads))
	case c.Loss.Class != 0 && !trained.SharedHead:
		return errors.New("loss.class needs plan.shared_head")
	case c.Plan.Lesions && c.Loss.Class == 0:
		return errors.New("plan.lesions needs a loss.class above 0: nothing would be learnt of the classes")
	case c.Mixing.Chance > 0 && segments:
		return errors.New("mixing is for classifiers alone: masks cannot be blended")
	}
	return nil
}

// trainedPlan is the plan of the network in training: that of the model, but
// for a classifier that learns lesions with a decoder beside its head.
func (c Config) trainedPlan() (network.Plan, error) {
	p, err := c.NetworkPlan()
	if err != nil || !c.Plan.Lesions {
		return p, err
	}
	if p.Kind != network.ClassifierKind || p.MobileNet == nil {
		return network.Plan{}, errors.New("plan.lesions is for a compact classifier: a segmenting network learns them anyway")
	}
	joint := network.CompactJoint()
	joint.Name, joint.MobileNet, joint.Preparation = p.Name, p.MobileNet, p.Preparation
	joint.Height, joint.Width = p.Height, p.Width
	joint.SharedHead, joint.Classes, joint.Positive = true, p.Classes, p.Positive
	if len(c.Plan.Widths) == 5 {
		joint.Decoder.Widths = [5]int(c.Plan.Widths)
	}
	return joint, joint.Validate()
}

// NetworkPlan is the plan of the model that the run makes.
func (c Config) NetworkPlan() (network.Plan, error) {
	bases := map[string]func() network.Plan{
		"compact-classifier": network.CompactClassifier,
		"compact-joint":      network.CompactJoint,
		"full-classifier":    network.FullClassifier,
		"full-classifier-50": network.FullClassifier50,
		"full-segmenter":     network.FullSegmenter,
		"full-joint":         network.FullJoint,
	}
	base, ok := bases[c.Plan.Base]
	if !ok {
		return network.Plan{}, fmt.Errorf("there is no plan.base %q", c.Plan.Base)
	}
	p := base()
	if p.Kind != c.Kind {
		return network.Plan{}, fmt.Errorf("kind is %q, but the plan %q is a %s", c.Kind, c.Plan.Base, p.Kind)
	}
	if c.Name != "" {
		p.Name = c.Name
	}
	if c.Plan.Size > 0 {
		p.Height, p.Width = c.Plan.Size, c.Plan.Size
	}
	if c.Plan.Multiplier > 0 {
		if p.MobileNet == nil {
			return network.Plan{}, errors.New("plan.multiplier is for networks on a MobileNet")
		}
		p.MobileNet = &network.MobileNet{Width: c.Plan.Multiplier}
	}
	if c.Plan.SharedHead {
		p.SharedHead = true
		p.Classes, p.Positive = []string{"negative", "positive"}, 1
	}
	if len(c.Plan.Classes) > 0 {
		p.Classes, p.Positive = c.Plan.Classes, len(c.Plan.Classes)-1
	}
	if n := len(c.Plan.Widths); n > 0 {
		if n != 5 || p.Decoder == nil && !c.Plan.Lesions {
			return network.Plan{}, errors.New("plan.widths are the five stages of a decoder")
		}
		if p.Decoder != nil {
			p.Decoder.Widths = [5]int(c.Plan.Widths)
		}
	}
	return p, p.Validate()
}
