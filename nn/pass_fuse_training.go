package nn

// activatedNorm is a batch norm with the activation behind it, if there is one,
// in training: what the activation reads is not kept but worked out again.
type activatedNorm struct {
	BatchNorm
	activated bool
	after     Activation
}

// fuseForTraining lets a convolution or a batch norm apply the activation that
// alone follows it, where its derivative can be told from the result.
func fuseForTraining(s staged) staged {
	uses := s.uses()
	return s.rewrite(func(old *Value, in []*Value) *Value {
		a, ok := old.op.(Activation)
		if !ok || uses[old.inputs[0]] != 1 || a != ReLU && a != ReLU6 {
			return nil
		}
		v := *in[0]
		switch op := v.op.(type) {
		case Conv:
			v.op = fusedConv{Conv: op, activated: true, after: a}
		case BatchNorm:
			v.op = activatedNorm{op, true, a}
		default:
			return nil
		}
		return &v
	})
}
