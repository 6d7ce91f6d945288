package nn

// fuseResidual lets a convolution add its result to a residual where an
// addition alone follows it, instead of writing both and reading them again.
func fuseResidual(s staged) staged {
	uses := s.uses()
	return s.rewrite(func(old *Value, in []*Value) *Value {
		if _, ok := old.op.(add); !ok || in[0] == in[1] {
			return nil
		}
		for i := range in {
			conv, ok := asConv(in[i])
			if !ok || uses[old.inputs[i]] != 1 || conv.residual || conv.activated {
				continue
			}
			conv.residual = true
			return &Value{
				shape: old.shape, op: conv, name: in[i].name,
				inputs: []*Value{in[i].inputs[0], in[1-i]}, params: in[i].params,
			}
		}
		return nil
	})
}
