package network

import (
	"sync"

	"github.com/jcs-ct/jcs/nn"
)

// buffers are what a run of a network reads and writes.
type buffers struct {
	input   nn.Tensor
	outputs []nn.Tensor
}

// pool keeps buffers for as many runs as are under way at once.
type pool struct {
	shape   nn.Shape
	program *nn.Program

	mu   sync.Mutex
	free []*buffers
}

func (p *pool) take() *buffers {
	p.mu.Lock()
	defer p.mu.Unlock()
	if n := len(p.free); n > 0 {
		b := p.free[n-1]
		p.free = p.free[:n-1]
		return b
	}
	return &buffers{input: nn.NewTensor(p.shape...), outputs: p.program.NewOutputs()}
}

func (p *pool) give(b *buffers) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.free = append(p.free, b)
}

// part is one of a batch, as a batch of one in the same memory.
func part(t nn.Tensor, i int) nn.Tensor {
	each := len(t.Data) / t.Shape[0]
	shape := append(nn.Shape{1}, t.Shape[1:]...)
	return nn.Tensor{Shape: shape, Data: t.Data[i*each : (i+1)*each]}
}
