package weights

import (
	"errors"
	"fmt"
)

// The values that a pickle builds are nil, bool, int64, float64, string and
// these. Strings of Python 2 may hold any bytes.
type (
	tuple []any
	list  struct{ items []any }
	// dict keeps its entries as they come. A key that comes twice is there
	// twice.
	dict   struct{ keys, values []any }
	global string // module.name, one of those that are allowed
	// opaque is a value that nobody here needs, such as a training option.
	opaque struct{ of global }
)

// long is an int64 of a LONG1 of up to 8 bytes; a wider one is opaque.
func long(b []byte) any {
	if len(b) > 8 {
		return opaque{"a long integer"}
	}
	var n int64
	for i := len(b) - 1; i >= 0; i-- {
		n = n<<8 | int64(b[i])
	}
	if shift := 64 - 8*len(b); len(b) > 0 {
		n = n << shift >> shift // the last byte has the sign
	}
	return n
}

func (u *unpickler) tuple(op byte) error {
	items, err := u.group(op == 't', int(op)-0x84)
	if err != nil {
		return err
	}
	return u.push(append(tuple{}, items...))
}

func (u *unpickler) appendItems(marked bool) error {
	items, err := u.group(marked, 1)
	if err != nil {
		return err
	}
	under, err := u.pop(1)
	if err != nil {
		return err
	}
	l, ok := under[0].(*list)
	if !ok {
		return errors.New("something is appended to what is no list")
	}
	l.items = append(l.items, items...)
	return u.push(l)
}

func (u *unpickler) setItems(marked bool) error {
	items, err := u.group(marked, 2)
	if err != nil {
		return err
	}
	under, err := u.pop(1)
	if err != nil {
		return err
	}
	d, ok := under[0].(*dict)
	if !ok || len(items)%2 != 0 {
		return errors.New("entries are set in what is no dict")
	}
	for i := 0; i < len(items); i += 2 {
		d.keys, d.values = append(d.keys, items[i]), append(d.values, items[i+1])
	}
	return u.push(d)
}

// global looks a name up in the list of what is allowed.
func (u *unpickler) global(fromStack bool) error {
	var module, name string
	if fromStack {
		parts, err := u.pop(2)
		if err != nil {
			return err
		}
		first, isText := parts[0].(string)
		second, isTextToo := parts[1].(string)
		if !isText || !isTextToo {
			return errors.New("a global's name is no text")
		}
		module, name = first, second
	} else {
		var err error
		if module, err = u.in.line(); err != nil {
			return err
		}
		if name, err = u.in.line(); err != nil {
			return err
		}
	}
	g := global(module + "." + name)
	if !g.allowed() {
		return fmt.Errorf("the checkpoint asks for %.120q, which is none of the few types that tensors need, and nothing of it was run: if you trust the file, open it in PyTorch and save its state_dict() alone", string(g))
	}
	return u.push(g)
}

// object does the operations that in Python make objects.
func (u *unpickler) object(op byte) error {
	if op == 'Q' {
		id, err := u.pop(1)
		if err != nil {
			return err
		}
		t, ok := id[0].(tuple)
		if !ok || u.storage == nil {
			return errors.New("a reference to something outside the pickle is no storage")
		}
		s, err := u.storage(t)
		if err != nil {
			return err
		}
		return u.push(s)
	}
	pair, err := u.pop(2)
	if err != nil {
		return err
	}
	if op == 'b' { // the state of an object, such as _metadata: not needed
		switch pair[0].(type) {
		case *dict, opaque:
			return u.push(pair[0])
		}
		return errors.New("a state is given to what can have none")
	}
	callee, isGlobal := pair[0].(global)
	args, isTuple := pair[1].(tuple)
	if !isGlobal || !isTuple {
		return errors.New("the pickle calls what is no type")
	}
	v, err := u.reduce(callee, args)
	if err != nil {
		return err
	}
	return u.push(v)
}
