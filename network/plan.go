package network

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// Kind is what a network is for.
type Kind string

// The kinds. A joint network segments with the features of a classifier.
const (
	ClassifierKind Kind = "classifier"
	SegmenterKind  Kind = "segmenter"
	JointKind      Kind = "joint"
)

// Plan describes a network completely, but for its weights. It is kept as JSON
// in a model's file; [ParsePlan] reads it back.
//
// Which of the encoders are there makes the network: a classifier has Res2Net
// or MobileNet; a segmenter VGG or MobileNet, and a Decoder; a joint one VGG
// and Res2Net, fused, or one MobileNet that both share, and a Decoder.
type Plan struct {
	Name string `json:"name"`
	Kind Kind   `json:"kind"`

	// Classes are the names of the classes in the order of the logits, and
	// Positive is the index of the one that is looked for. A segmenter without
	// a SharedHead has none.
	Classes  []string `json:"classes,omitempty"`
	Positive int      `json:"positive,omitempty"`

	// Height and Width are those of the input that the network was made for.
	// Its graph can be built for any other.
	Height int `json:"height"`
	Width  int `json:"width"`

	Preparation Preparation `json:"preparation"`

	VGG       *VGG       `json:"vgg,omitempty"`
	Res2Net   *Res2Net   `json:"res2net,omitempty"`
	MobileNet *MobileNet `json:"mobilenet,omitempty"`
	Decoder   *Decoder   `json:"decoder,omitempty"`

	// SharedHead adds a classifier's head (global average, linear) to the
	// MobileNet encoder of a segmenting network.
	SharedHead bool `json:"shared_head,omitempty"`
}

// ParsePlan reads a plan from JSON. Fields that are not known, and values with
// which no network can be built, are errors.
func ParsePlan(text []byte) (Plan, error) {
	var p Plan
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&p); err != nil {
		return Plan{}, fmt.Errorf("reading a network's plan: %w", err)
	}
	if _, err := d.Token(); err != io.EOF {
		return Plan{}, errors.New("reading a network's plan: it goes on after its end")
	}
	if err := p.Validate(); err != nil {
		return Plan{}, err
	}
	return p, nil
}

// Bounds of a plan's numbers: above any network that makes sense, low enough
// that a hostile plan cannot ask for much.
const (
	maxChannels = 4096
	maxBlocks   = 256
	maxSide     = 8192
	maxClasses  = 1024
)

// Validate says what keeps a network from being built, if anything.
func (p Plan) Validate() error {
	if err := p.check(); err != nil {
		return fmt.Errorf("plan %.80q: %w", p.Name, err)
	}
	return nil
}

func (p Plan) check() error {
	if err := inRange("height", p.Height, 1, maxSide); err != nil {
		return err
	}
	if err := inRange("width", p.Width, 1, maxSide); err != nil {
		return err
	}
	if err := p.Preparation.check(); err != nil {
		return err
	}
	if err := p.checkParts(); err != nil {
		return err
	}
	if !p.classifies() {
		if len(p.Classes) > 0 || p.Positive != 0 {
			return errors.New("it has classes but no head that tells them")
		}
	} else if err := inRange("number of classes", len(p.Classes), 2, maxClasses); err != nil {
		return err
	} else if err := inRange("index of the positive class", p.Positive, 0, len(p.Classes)-1); err != nil {
		return err
	}
	if p.VGG != nil {
		if err := p.VGG.check(); err != nil {
			return err
		}
	}
	if p.Res2Net != nil {
		if err := p.Res2Net.check(); err != nil {
			return err
		}
	}
	if p.MobileNet != nil {
		if err := p.MobileNet.check(); err != nil {
			return err
		}
	}
	if p.Decoder != nil {
		return p.Decoder.check()
	}
	return nil
}

// checkParts holds the parts that are there against the kind.
func (p Plan) checkParts() error {
	vgg, res2net, mobile := p.VGG != nil, p.Res2Net != nil, p.MobileNet != nil
	fits := false
	switch p.Kind {
	case ClassifierKind:
		fits = !vgg && res2net != mobile
	case SegmenterKind:
		fits = !res2net && vgg != mobile
	case JointKind:
		fits = vgg == res2net && vgg != mobile
	default:
		return fmt.Errorf("there is no kind %q of network (classifier, segmenter and joint are)", p.Kind)
	}
	if !fits {
		return fmt.Errorf("a %s cannot be built of the encoders that are given", p.Kind)
	}
	if (p.Decoder != nil) == (p.Kind == ClassifierKind) {
		return errors.New("a decoder belongs to a segmenting network, and only there")
	}
	if p.SharedHead && (p.Kind == ClassifierKind || !mobile) {
		return errors.New("only a segmenting network on a MobileNet encoder can share it with a classifier's head")
	}
	return nil
}

// classifies reports whether the network has a classifier's head.
func (p Plan) classifies() bool { return p.Kind == ClassifierKind || p.SharedHead }

// segments reports whether the network gives masks.
func (p Plan) segments() bool { return p.Kind != ClassifierKind }

func inRange(what string, n, low, high int) error {
	if n < low || n > high {
		return fmt.Errorf("%s %d is not within %d to %d", what, n, low, high)
	}
	return nil
}
