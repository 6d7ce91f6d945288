package dcmtk

import "time"

// Limits bound a [Child]. The zero value of a field means its default.
type Limits struct {
	Memory int64         // bytes of address space beyond what the process starts with; 768 MiB
	CPU    time.Duration // of the child's whole life; 10 minutes
	Wall   time.Duration // of one request; 9 s, and a second more for each 32 MiB
	Pixels int64         // bytes of one file's decoded pixels; 128 MiB
}

func (l Limits) orDefaults() Limits {
	if l.Memory <= 0 {
		l.Memory = 768 << 20
	}
	if l.CPU <= 0 {
		l.CPU = 10 * time.Minute
	}
	if l.Wall <= 0 {
		l.Wall = 9 * time.Second
	}
	if l.Pixels <= 0 {
		l.Pixels = 128 << 20
	}
	return l
}
