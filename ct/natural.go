package ct

import (
	"cmp"
	"slices"
	"strings"
)

// sortNatural sorts by name as a person would: slice2 before slice10.
func sortNatural(entries []entry) {
	slices.SortFunc(entries, func(a, b entry) int { return compareNatural(a.name, b.name) })
}

// compareNatural compares runs of digits by their number and the rest byte by
// byte; names that then are equal, such as 1 and 01, are compared as they are.
func compareNatural(a, b string) int {
	x, y := a, b
	for x != "" && y != "" {
		nx, ny := digits(x), digits(y)
		if nx == 0 || ny == 0 {
			if x[0] != y[0] {
				return cmp.Compare(x[0], y[0])
			}
			x, y = x[1:], y[1:]
			continue
		}
		p, q := strings.TrimLeft(x[:nx], "0"), strings.TrimLeft(y[:ny], "0")
		if len(p) != len(q) {
			return cmp.Compare(len(p), len(q))
		}
		if p != q {
			return strings.Compare(p, q)
		}
		x, y = x[nx:], y[ny:]
	}
	if len(x) != len(y) {
		return cmp.Compare(len(x), len(y))
	}
	return strings.Compare(a, b)
}

// digits returns the length of the run of digits at the start of s.
func digits(s string) int {
	n := 0
	for n < len(s) && '0' <= s[n] && s[n] <= '9' {
		n++
	}
	return n
}
