package nn

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
)

// array is a dense tensor of the reference executor.
type array struct {
	shape Shape
	data  []float64
}

// plain is an operation that the reference executor can run. Both methods
// stand beside the operation's attributes and shape rule.
type plain interface {
	operation
	// forward fills c.out, which holds zeros, from c.in and c.params.
	forward(c *call)
	// backward adds to c.inGrads and c.paramGrads what c.outGrad amounts to.
	backward(c *call)
}

// call is what one operation gets to see of the executor.
type call struct {
	in, params []array
	out        array
	training   bool // live batch norms take the batch's statistics

	outGrad             []float64
	inGrads, paramGrads [][]float64 // nil where nobody asks for one

	done <-chan struct{}
}

// each calls f(0) to f(n-1), spread over the processors. It stops early when
// the call's context ends; the executor then drops the result.
func (c *call) each(n int, f func(i int)) {
	var next atomic.Int64
	work := func() {
		for {
			i := int(next.Add(1)) - 1
			if i >= n {
				return
			}
			select {
			case <-c.done:
				return
			default:
			}
			f(i)
		}
	}
	var wg sync.WaitGroup
	for range min(n, runtime.GOMAXPROCS(0)) - 1 {
		wg.Go(work)
	}
	work()
	wg.Wait()
}

// engine runs the operations of a graph one by one on float64 arrays.
type engine struct {
	training bool
	order    []*Value         // what the wanted values need, inputs left out
	lastUse  map[*Value]int   // place in order after which a value may go
	params   map[string]array // parameters and buffers, by name
	values   map[*Value]array
	grads    map[string][]float64 // of the trained parameters, by name
}

func newEngine(g *Graph, wanted []*Value, training bool) (*engine, error) {
	e := &engine{training: training, lastUse: map[*Value]int{}, params: map[string]array{}, grads: map[string][]float64{}}
	needed := map[*Value]bool{}
	for _, v := range wanted {
		needed[v] = true
	}
	for i := len(g.nodes) - 1; i >= 0; i-- {
		v := g.nodes[i]
		for _, x := range v.inputs {
			needed[x] = needed[x] || needed[v]
		}
	}
	for _, v := range g.nodes {
		if _, isInput := v.op.(input); isInput || !needed[v] {
			continue
		}
		if _, ok := v.op.(plain); !ok {
			return nil, fmt.Errorf("%s %q: the reference executor does not know this operation", v.op.kind(), v.name)
		}
		for _, x := range v.inputs {
			e.lastUse[x] = len(e.order)
		}
		e.order = append(e.order, v)
	}
	for _, v := range wanted {
		delete(e.lastUse, v)
	}
	return e, nil
}

// forward computes all values from the inputs. An inference engine forgets
// each value after its last use.
func (e *engine) forward(ctx context.Context, inputs map[*Value]array) error {
	e.values = make(map[*Value]array, len(e.order)+len(inputs))
	for v, a := range inputs {
		e.values[v] = a
	}
	for i, v := range e.order {
		out := array{v.shape, make([]float64, v.shape.Elements())}
		c := e.call(ctx, v)
		c.out = out
		v.op.(plain).forward(c)
		if err := ctx.Err(); err != nil {
			e.values = nil
			return fmt.Errorf("running the network: %w", err)
		}
		e.values[v] = out
		if e.training {
			continue
		}
		for _, x := range v.inputs {
			if last, ok := e.lastUse[x]; ok && last == i {
				delete(e.values, x)
			}
		}
	}
	return nil
}

// backward overwrites the parameters' gradients and forgets the values. wanted
// says which inputs need a gradient as well; these are returned.
func (e *engine) backward(ctx context.Context, outGrads map[*Value][]float64, wanted map[*Value]bool) (map[*Value][]float64, error) {
	if e.values == nil {
		return nil, fmt.Errorf("a backward pass needs a forward pass before it")
	}
	defer func() { e.values = nil }()
	for _, grad := range e.grads {
		clear(grad)
	}
	grads := make(map[*Value][]float64, len(e.order))
	for v := range wanted {
		grads[v] = make([]float64, v.shape.Elements())
	}
	for _, v := range e.order {
		if e.leadsToGradient(v, grads) {
			grads[v] = make([]float64, v.shape.Elements())
		}
	}
	for v, grad := range outGrads {
		for i, d := range grads[v] {
			grads[v][i] = d + grad[i]
		}
	}
	for i := len(e.order) - 1; i >= 0; i-- {
		v := e.order[i]
		if grads[v] == nil {
			continue
		}
		c := e.call(ctx, v)
		c.out, c.outGrad = e.values[v], grads[v]
		for _, x := range v.inputs {
			c.inGrads = append(c.inGrads, grads[x])
		}
		for _, p := range v.params {
			c.paramGrads = append(c.paramGrads, e.grads[p.Name])
		}
		v.op.(plain).backward(c)
		if err := ctx.Err(); err != nil {
			return nil, fmt.Errorf("running the network backward: %w", err)
		}
		delete(grads, v)
	}
	return grads, nil
}

// leadsToGradient says whether v depends on anything whose gradient is wanted.
func (e *engine) leadsToGradient(v *Value, grads map[*Value][]float64) bool {
	for _, p := range v.params {
		if e.grads[p.Name] != nil {
			return true
		}
	}
	for _, x := range v.inputs {
		if grads[x] != nil {
			return true
		}
	}
	return false
}

func (e *engine) call(ctx context.Context, v *Value) *call {
	c := &call{training: e.training, done: ctx.Done()}
	for _, x := range v.inputs {
		c.in = append(c.in, e.values[x])
	}
	for _, p := range v.params {
		c.params = append(c.params, e.params[p.Name])
	}
	return c
}

// widen copies a tensor into the arithmetic of this executor.
func widen(t Tensor) array {
	a := array{t.Shape, make([]float64, len(t.Data))}
	for i, v := range t.Data {
		a.data[i] = float64(v)
	}
	return a
}

// narrow rounds to float32.
func narrow(dst []float32, src []float64) {
	for i, v := range src {
		dst[i] = float32(v)
	}
}
