package nn

// fuseActivation lets a convolution or a linear layer apply the activation that
// alone follows it.
func fuseActivation(s staged) staged {
	uses := s.uses()
	return s.rewrite(func(old *Value, in []*Value) *Value {
		a, ok := old.op.(Activation)
		if !ok || uses[old.inputs[0]] != 1 {
			return nil
		}
		fused, ok := activated(in[0].op, a)
		if !ok {
			return nil
		}
		return &Value{shape: old.shape, op: fused, name: in[0].name, inputs: in[0].inputs, params: in[0].params}
	})
}

// activated is an operation with an activation behind it, if it can have one.
func activated(op operation, a Activation) (operation, bool) {
	switch op := op.(type) {
	case Conv:
		return fusedConv{Conv: op, activated: true, after: a}, true
	case fusedConv:
		if op.activated {
			return nil, false
		}
		op.activated, op.after = true, a
		return op, true
	case Linear:
		return fusedLinear{Linear: op, after: a}, true
	}
	return nil, false
}

// fusedLinear is a linear layer with an activation behind it.
type fusedLinear struct {
	Linear
	after Activation
}
