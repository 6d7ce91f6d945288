package nn

import (
	"fmt"
)

// Graph describes a network: inputs, operations and outputs, in the order in
// which they were added, which is an order in which they can be run.
//
// Its methods never fail one by one: the first mistake is kept, later calls do
// nothing, and Err returns it.
type Graph struct {
	nodes      []*Value
	inputs     []*Value
	outputs    []Output
	taps       map[string]*Value
	parameters []*Parameter
	byName     map[string]*Parameter
	err        error
}

// Value is the result of one operation: a tensor to be, with a known shape.
type Value struct {
	graph  *Graph
	index  int
	shape  Shape
	op     operation
	name   string
	inputs []*Value
	params []*Parameter
}

// Output is a value that a program returns, under a name.
type Output struct {
	Name  string
	Value *Value
}

// Parameter is a tensor that the weights must hold for an operation to run.
type Parameter struct {
	Name    string
	Shape   Shape
	Trained bool // false: a buffer, never changed by an optimiser
}

// operation is what a node does. Attributes are the fields of its type.
type operation interface {
	// kind is the operation's name in errors and profiles.
	kind() string
	// infer returns the shape of the result, or what is wrong with the inputs.
	infer(in []Shape) (Shape, error)
}

// NewGraph returns an empty graph.
func NewGraph() *Graph {
	return &Graph{taps: map[string]*Value{}, byName: map[string]*Parameter{}}
}

// Err is the first mistake made in describing the graph.
func (g *Graph) Err() error { return g.err }

// Inputs are the graph's inputs in the order in which they were added.
func (g *Graph) Inputs() []*Value { return g.inputs }

// Outputs are the graph's outputs in the order in which they were named.
func (g *Graph) Outputs() []Output { return g.outputs }

// Parameters are all parameters and buffers in the order of their first use.
func (g *Graph) Parameters() []*Parameter { return g.parameters }

// Shape is the value's shape.
func (v *Value) Shape() Shape { return v.shape }

// Name is the value's tap name, or that of the layer that made it.
func (v *Value) Name() string { return v.name }

// Input adds an input, [N C H W] or [N F].
func (g *Graph) Input(name string, shape ...int) *Value {
	for _, d := range shape {
		if d < 1 {
			g.fail("input %q: shape %v has an axis below 1", name, Shape(shape))
		}
	}
	v := &Value{graph: g, index: len(g.nodes), shape: shape, op: input{}, name: name}
	g.nodes = append(g.nodes, v)
	g.inputs = append(g.inputs, v)
	return v
}

// Output names a value that the program returns.
func (g *Graph) Output(name string, v *Value) {
	if g.owns(v) {
		g.outputs = append(g.outputs, Output{name, v})
	}
}

// Tap names an inner value, so that [Options] can ask a program to return it
// as well. A tap that is not asked for costs nothing. It returns v.
func (g *Graph) Tap(name string, v *Value) *Value {
	if g.owns(v) {
		g.taps[name] = v
	}
	return v
}

// Taps are the names of all taps, in no order, with their values.
func (g *Graph) Taps() map[string]*Value { return g.taps }

func (g *Graph) owns(v *Value) bool {
	if g.err != nil {
		return false
	}
	if v == nil || v.graph != g {
		g.fail("value is not of this graph")
		return false
	}
	return true
}

func (g *Graph) fail(format string, args ...any) {
	if g.err == nil {
		g.err = fmt.Errorf(format, args...)
	}
}

// parameter declares a parameter, or finds it again where two operations share it.
func (g *Graph) parameter(name string, trained bool, shape ...int) *Parameter {
	if p, ok := g.byName[name]; ok {
		if !p.Shape.Equal(shape) {
			g.fail("parameter %q is used with shapes %v and %v", name, p.Shape, Shape(shape))
		}
		return p
	}
	p := &Parameter{Name: name, Shape: shape, Trained: trained}
	g.byName[name] = p
	g.parameters = append(g.parameters, p)
	return p
}

// add appends an operation. After a mistake it returns a value of the same
// graph without a place in it, so that a builder needs no checks of its own.
func (g *Graph) add(op operation, name string, params []*Parameter, in ...*Value) *Value {
	v := &Value{graph: g, index: -1, op: op, name: name, inputs: in, params: params, shape: Shape{1, 1, 1, 1}}
	shapes := make([]Shape, len(in))
	for i, x := range in {
		if !g.owns(x) {
			return v
		}
		shapes[i] = x.shape
	}
	shape, err := op.infer(shapes)
	if err != nil {
		g.fail("%s %q: %w", op.kind(), name, err)
		return v
	}
	v.shape, v.index = shape, len(g.nodes)
	g.nodes = append(g.nodes, v)
	return v
}

// channels is the second axis of an image or vector, 0 where there is none.
func channels(v *Value) int {
	if v == nil || len(v.shape) < 2 {
		return 0
	}
	return v.shape[1]
}

// wantImage returns an error unless s is [N C H W].
func wantImage(s Shape) error {
	if len(s) != 4 {
		return fmt.Errorf("input %v is not [N C H W]", s)
	}
	return nil
}

type input struct{}

func (input) kind() string                    { return "input" }
func (input) infer(in []Shape) (Shape, error) { return nil, nil }
