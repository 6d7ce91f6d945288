package nn

// fuseActivation lets a convolution apply the activation that alone follows it.
func fuseActivation(s staged) staged {
	uses := s.uses()
	return s.rewrite(func(old *Value, in []*Value) *Value {
		a, ok := old.op.(Activation)
		if !ok || uses[old.inputs[0]] != 1 {
			return nil
		}
		conv, ok := asConv(in[0])
		if !ok || conv.activated {
			return nil
		}
		conv.activated, conv.after = true, a
		return &Value{shape: old.shape, op: conv, name: in[0].name, inputs: in[0].inputs, params: in[0].params}
	})
}
