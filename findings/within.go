package findings

import (
	"bytes"
	"encoding/binary"
)

// within marks the pixels that lie within radius of one whose value is (want 1)
// or is not (want 0) marked: the same as squaredDistance at most radius*radius.
// For the small radii that shapes are opened and closed by it is several times
// as fast: the distance to the nearest wanted pixel of a row is counted in
// pixels, and rows near each other are compared eight pixels at a time.
func (p plane) within(radius float64, want uint8) []uint8 {
	reach := p.reach(radius)
	if reach == nil {
		return p.withinAny(radius, want)
	}
	stride := (p.w + 7) &^ 7
	steps := bytes.Repeat([]byte{tooFar}, stride*p.h)
	for y := range p.h {
		stepsInRow(steps[y*stride:][:p.w], p.at[y*p.w:][:p.w], want)
	}
	out := make([]uint8, p.w*p.h)
	line := make([]uint8, stride)
	for y := range p.h {
		clear(line)
		for k, r := range reach {
			if y-k >= 0 {
				markNear(line, steps[(y-k)*stride:][:stride], r)
			}
			if k > 0 && y+k < p.h {
				markNear(line, steps[(y+k)*stride:][:stride], r)
			}
		}
		copy(out[y*p.w:][:p.w], line)
	}
	return out
}

func (p plane) withinAny(radius float64, want uint8) []uint8 {
	out := make([]uint8, p.w*p.h)
	r2 := float32(radius * radius)
	for i, d := range squaredDistance(p, want) {
		if d <= r2 {
			out[i] = 1
		}
	}
	return out
}

// tooFar stands for so many pixels and more.
const tooFar = 127

// reach is how many pixels along a row lie within radius, by how many rows off
// they are; nil where these are too many to count in a byte. The roundings are
// those of squaredDistance.
func (p plane) reach(radius float64) []uint8 {
	r2 := float32(radius * radius)
	var out []uint8
	for k := range p.h {
		down := p.sy * float64(k)
		if float32(down*down) > r2 {
			break
		}
		n := 0
		for ; n < p.w; n++ {
			across := p.sx * float64(n+1)
			if float32(float64(float32(across*across))+down*down) > r2 {
				break
			}
		}
		if n >= tooFar {
			return nil
		}
		out = append(out, uint8(n))
	}
	return out
}

// stepsInRow sets steps to how far each pixel of a row is from the nearest that
// is wanted, at most tooFar.
func stepsInRow(steps, row []uint8, want uint8) {
	n := uint8(tooFar)
	for i, v := range row {
		if (v != 0) == (want != 0) {
			n = 0
		} else if n < tooFar {
			n++
		}
		steps[i] = n
	}
	n = tooFar
	for i := len(steps) - 1; i >= 0; i-- {
		if steps[i] == 0 {
			n = 0
		} else if n < tooFar {
			n++
		}
		steps[i] = min(steps[i], n)
	}
}

// markNear sets the bytes of line to 1 where those of steps are at most reach.
// Both lengths are the same and divide by eight; no byte of steps, nor reach,
// is over 127, so that no difference borrows from the next byte.
func markNear(line, steps []uint8, reach uint8) {
	const ones = 0x0101010101010101
	from := (0x80 + uint64(reach)) * ones
	for i := 0; i+8 <= len(line) && i+8 <= len(steps); i += 8 {
		near := (from - binary.NativeEndian.Uint64(steps[i:])) >> 7 & ones
		binary.NativeEndian.PutUint64(line[i:], binary.NativeEndian.Uint64(line[i:])|near)
	}
}
