//go:build cgo

package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// orders are tensors whose rows end within pieces and runs, and at their end.
func orders() []Planes {
	return []Planes{
		{1, 1, 1, 1}, {6, 35, 1, 3}, {4, 8192, 1, 2}, {2, 20000, 1, 1}, {1, 300, 1, 1},
		{4, 7, 8, 2}, {6, 1024, 8, 3}, {2, 5000, 8, 1},
		{1, 1, 16, 1}, {6, 35, 16, 3}, {4, 512, 16, 2}, {2, 3000, 16, 2}, {1, 64, 16, 1},
	}
}

func eachOrder(t *testing.T, f func(t *testing.T, p Planes)) {
	for _, p := range orders() {
		t.Run(fmt.Sprintf("%+v", p), func(t *testing.T) { f(t, p) })
	}
}

func (p Planes) values() int   { return p.Rows * p.Pixels * p.Lanes }
func (p Planes) channels() int { return p.Groups * p.Lanes }

// each visits all values: their place, their place among rows of lanes, and
// their channel.
func (p Planes) each(f func(i, lane, channel int)) {
	for row := range p.Rows {
		for pixel := range p.Pixels {
			for l := range p.Lanes {
				f((row*p.Pixels+pixel)*p.Lanes+l, row*p.Lanes+l, row%p.Groups*p.Lanes+l)
			}
		}
	}
}

func close32(t *testing.T, what string, got []float32, want []float64, bound float64) {
	t.Helper()
	largest := 1.0
	for _, w := range want {
		largest = max(largest, math.Abs(w))
	}
	for i, w := range want {
		if !(math.Abs(float64(got[i])-w) <= bound*largest) {
			t.Fatalf("%s[%d] is %g, want %g", what, i, got[i], w)
		}
	}
}

func TestTermsAreCombined(t *testing.T) {
	eachOrder(t, func(t *testing.T, p Planes) {
		n, rows := p.values(), p.Rows*p.Lanes
		a, b, gate := random(1, n, normal), random(2, n, normal), random(3, n, func(r *rand.Rand) float64 { return 4 * r.NormFloat64() })
		factors, constants := random(4, rows, normal), random(5, rows, normal)
		terms := []Term{{a, factors, 1}, {b, nil, 2}, {nil, constants, 0.5}}
		for name, c := range map[string]struct {
			gate []float32
			top  float32
		}{"all": {nil, 0}, "those above 0": {gate, float32(math.Inf(1))}, "those below 6 too": {gate, 6}} {
			want := make([]float64, n)
			p.each(func(i, lane, _ int) {
				if c.gate == nil || c.gate[i] > 0 && c.gate[i] < c.top {
					want[i] = float64(a[i])*float64(factors[lane]) + 2*float64(b[i]) + 0.5*float64(constants[lane])
				}
			})
			out := make([]float32, n)
			p.Combine(out, terms, c.gate, c.top)
			close32(t, name, out, want, 1e-6)
			inPlace := copied(b)
			p.Combine(inPlace, []Term{terms[0], {inPlace, nil, 2}, terms[2]}, c.gate, c.top)
			same(t, name+", in place", inPlace, out)
		}
	})
}

func TestRowsAreSummed(t *testing.T) {
	eachOrder(t, func(t *testing.T, p Planes) {
		x, y := random(1, p.values(), normal), random(2, p.values(), normal)
		sum, product := make([]float64, p.Rows*p.Lanes), make([]float64, p.Rows*p.Lanes)
		p.each(func(i, lane, _ int) {
			sum[lane] += 3 * float64(x[i])
			product[lane] += 3 * float64(x[i]) * float64(y[i])
		})
		got := make([]float32, len(sum))
		p.RowSums(got, x, nil, 3, p.Parts())
		close32(t, "sum", got, sum, 2e-6)
		p.RowSums(got, x, y, 3, p.Parts())
		close32(t, "sum of products", got, product, 2e-6)
	})
}

func TestNormsOfChannels(t *testing.T) {
	eachOrder(t, func(t *testing.T, p Planes) {
		n, c := p.values(), p.channels()
		x, dy := random(1, n, func(r *rand.Rand) float64 { return 20 + r.NormFloat64() }), random(2, n, normal)
		each := float64(p.Rows / p.Groups * p.Pixels)
		mean, variance := make([]float64, c), make([]float64, c)
		p.each(func(i, _, ch int) { mean[ch] += float64(x[i]) / each })
		p.each(func(i, _, ch int) { variance[ch] += (float64(x[i]) - mean[ch]) * (float64(x[i]) - mean[ch]) / each })
		gotMean, gotVariance := make([]float32, c), make([]float32, c)
		p.Statistics(gotMean, gotVariance, x, p.Parts())
		close32(t, "mean", gotMean, mean, 1e-7)
		close32(t, "variance", gotVariance, variance, 1e-6)

		norm := Norm{Mean: gotMean, Factor: random(3, c, normal), Shift: random(4, c, normal)}
		offset, slope := random(5, c, normal), random(6, c, normal)
		for name, bound := range map[string][2]float32{"ReLU6": {0, 6}, "ReLU": {0, float32(math.Inf(1))}, "none": {float32(math.Inf(-1)), float32(math.Inf(1))}} {
			norm.Low, norm.Top = bound[0], bound[1]
			y, dx, sum, product := make([]float64, n), make([]float64, n), make([]float64, c), make([]float64, c)
			p.each(func(i, _, ch int) {
				// As float32 has it, which decides which side of a bound it is on.
				v := float64(x[i]-norm.Mean[ch])*float64(norm.Factor[ch]) + float64(norm.Shift[ch])
				y[i] = min(max(v, float64(norm.Low)), float64(norm.Top))
				g := 0.0
				if float32(v) > norm.Low && float32(v) < norm.Top {
					g = float64(dy[i])
				}
				sum[ch] += g
				product[ch] += g * (float64(x[i]) - float64(gotMean[ch]))
				dx[i] = float64(norm.Factor[ch])*g - float64(offset[ch]) - float64(slope[ch])*(float64(x[i])-float64(gotMean[ch]))
			})
			gotY, gotDx, gotSum, gotProduct := make([]float32, n), make([]float32, n), make([]float32, c), make([]float32, c)
			p.Norm(gotY, x, norm)
			close32(t, name, gotY, y, 2e-6)
			p.NormSums(gotSum, gotProduct, x, dy, norm, p.Parts())
			close32(t, name+": sum", gotSum, sum, 2e-6)
			close32(t, name+": product", gotProduct, product, 2e-6)
			p.NormSlopes(gotDx, x, dy, norm, offset, slope)
			close32(t, name+": gradient", gotDx, dx, 1e-6)
			inPlace := copied(dy)
			p.NormSlopes(inPlace, x, inPlace, norm, offset, slope)
			same(t, name+": gradient in place", inPlace, gotDx)
		}
	})
}

// TestAResizeBackIsTheTransposedResize works both out from the definition.
func TestAResizeBackIsTheTransposedResize(t *testing.T) {
	for _, c := range []struct{ h, w, toH, toW int }{
		{1, 1, 1, 1}, {1, 1, 5, 3}, {4, 5, 8, 10}, {7, 6, 3, 2}, {3, 9, 11, 4}, {28, 14, 224, 113}, {5, 5, 1, 1}, {2, 3, 2, 3},
	} {
		for _, lanes := range []int{1, 8, 16} {
			t.Run(fmt.Sprintf("%+v, %d lanes", c, lanes), func(t *testing.T) {
				const rows = 3
				dy := random(1, rows*c.toH*c.toW*lanes, normal)
				want := make([]float64, rows*c.h*c.w*lanes)
				place := func(at, from, to int) (left, right int, share float64) {
					x := max((float64(at)+0.5)*float64(from)/float64(to)-0.5, 0)
					left = int(x)
					return left, min(left+1, from-1), x - float64(left)
				}
				for row := range rows {
					for y := range c.toH {
						top, bottom, down := place(y, c.h, c.toH)
						for x := range c.toW {
							left, right, along := place(x, c.w, c.toW)
							for l := range lanes {
								g := float64(dy[((row*c.toH+y)*c.toW+x)*lanes+l])
								give := func(y, x int, share float64) { want[((row*c.h+y)*c.w+x)*lanes+l] += share * g }
								give(top, left, (1-down)*(1-along))
								give(top, right, (1-down)*along)
								give(bottom, left, down*(1-along))
								give(bottom, right, down*along)
							}
						}
					}
				}
				dx := make([]float32, len(want))
				spare := make([]float32, 2*c.toW*lanes)
				Planes{Rows: rows, Pixels: c.h * c.w, Lanes: lanes}.ResizeBack(dx, dy, NewAxis(c.h, c.toH), NewAxis(c.w, c.toW), spare)
				close32(t, "gradient", dx, want, 2e-6)
			})
		}
	}
}

func BenchmarkPlanes(b *testing.B) {
	p := Planes{4, 200 * 200, 16, 4}
	x, y, z := random(1, p.values(), normal), random(2, p.values(), normal), make([]float32, p.values())
	c, sum, product, parts := random(3, 64, unit), make([]float32, 64), make([]float32, 64), p.Parts()
	norm := Norm{c, c, c, 0, 6}
	axis, spare := NewAxis(100, 200), make([]float32, 2*200*16)
	for name, f := range map[string]func(){
		"sum of two":  func() { p.Combine(z, []Term{{x, nil, 1}, {y, nil, 1}}, nil, 0) },
		"scaled":      func() { p.Combine(z, []Term{{x, c, 1}, {nil, c, 1}}, y, 6) },
		"sums":        func() { p.RowSums(sum, x, y, 1, parts) },
		"statistics":  func() { p.Statistics(sum, product, x, parts) },
		"norm":        func() { p.Norm(z, x, norm) },
		"norm sums":   func() { p.NormSums(sum, product, x, y, norm, parts) },
		"norm slopes": func() { p.NormSlopes(z, x, y, norm, c, c) },
		"resize back": func() { Planes{Rows: 4, Pixels: 10000, Lanes: 16}.ResizeBack(z, x, axis, axis, spare) },
	} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(4 * p.values()))
			for b.Loop() {
				f()
			}
		})
	}
}
