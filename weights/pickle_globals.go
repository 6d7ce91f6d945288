package weights

import (
	"fmt"
	"strings"
)

// Types and functions that checkpoints refer to and that mean something here.
const (
	orderedDict      global = "collections.OrderedDict"
	rebuildTensor    global = "torch._utils._rebuild_tensor" // before 0.4
	rebuildTensorV2  global = "torch._utils._rebuild_tensor_v2"
	rebuildParameter global = "torch._utils._rebuild_parameter"
	torchSize        global = "torch.Size"
)

// allowed reports whether a pickle may refer to the global.
func (g global) allowed() bool {
	switch g {
	case orderedDict, rebuildTensor, rebuildTensorV2, rebuildParameter, torchSize:
		return true
	}
	return g.storageType() != "" || g.inert()
}

// storageType is the type of a storage class's elements, empty for other
// globals. Complex and quantised storages are none.
func (g global) storageType() elementType {
	switch g {
	case "torch.FloatStorage":
		return "float32"
	case "torch.HalfStorage":
		return "float16"
	case "torch.BFloat16Storage":
		return "bfloat16"
	case "torch.DoubleStorage":
		return "float64"
	case "torch.LongStorage":
		return "int64"
	case "torch.IntStorage":
		return "int32"
	case "torch.ShortStorage":
		return "int16"
	case "torch.CharStorage":
		return "int8"
	case "torch.ByteStorage":
		return "uint8"
	case "torch.BoolStorage":
		return "bool"
	}
	return ""
}

// inert reports whether the global stands for something beside the tensors
// that training code leaves in its checkpoints: figures that NumPy computed,
// options, devices, element types. Such a value is passed over.
func (g global) inert() bool {
	switch g {
	case "numpy.dtype", "numpy.core.multiarray.scalar", "numpy._core.multiarray.scalar",
		"_codecs.encode", // how bytes are written in protocol 2
		"argparse.Namespace", "torch.device",
		"collections.Counter": // the milestones of a learning rate
		return true
	}
	name, ok := strings.CutPrefix(string(g), "torch.")
	if !ok {
		return false
	}
	switch name {
	case "float16", "bfloat16", "float32", "float64", "int8", "int16", "int32", "int64", "uint8", "bool":
		return true
	}
	return false
}

// reduce is what a call of a global comes to. Nothing is called.
func (u *unpickler) reduce(g global, args tuple) (any, error) {
	switch g {
	case orderedDict:
		return u.orderedDict(args)
	case rebuildTensor, rebuildTensorV2:
		return newStoredTensor(args)
	case rebuildParameter: // tensor, requires_grad, hooks
		if len(args) < 1 {
			return nil, fmt.Errorf("a parameter without a tensor")
		}
		t, ok := args[0].(*StoredTensor)
		if !ok {
			return nil, fmt.Errorf("a parameter that is no tensor")
		}
		return t, nil
	case torchSize:
		if len(args) != 1 {
			return nil, fmt.Errorf("a size of %d arguments", len(args))
		}
		return args[0], nil
	}
	if g.inert() {
		return opaque{g}, nil
	}
	return nil, fmt.Errorf("the pickle calls %s", string(g))
}

// orderedDict is empty, or made of a list of pairs, as Python 2 writes it.
func (u *unpickler) orderedDict(args tuple) (any, error) {
	d := &dict{}
	if len(args) == 0 {
		return d, nil
	}
	pairs, ok := args[0].(*list)
	if !ok || len(args) != 1 {
		return nil, fmt.Errorf("an OrderedDict is made of what is no list")
	}
	// The same list can be asked for again and again.
	if err := u.spend(len(pairs.items)); err != nil {
		return nil, err
	}
	for _, p := range pairs.items {
		var pair []any
		switch p := p.(type) {
		case *list:
			pair = p.items
		case tuple:
			pair = p
		}
		if len(pair) != 2 {
			return nil, fmt.Errorf("an OrderedDict is made of what are no pairs")
		}
		d.keys, d.values = append(d.keys, pair[0]), append(d.values, pair[1])
	}
	return d, nil
}
