package report

import (
	"slices"
	"strings"
	"testing"
)

func TestScoresAreBrokenIntoLinesAndNoneIsLost(t *testing.T) {
	f, err := newFaces()
	if err != nil {
		t.Fatal(err)
	}
	parts := []string{"one of them", "another", strings.Repeat("long ", 12), "the last"}
	for width, lines := range map[int]int{10: 4, 200: 3, 5000: 1} {
		got := wrap(f.small, parts, between, width)
		if len(got) != lines || strings.Join(got, "  ·  ") != strings.Join(parts, "  ·  ") {
			t.Errorf("%d pixels: %q", width, got)
		}
	}
	if got := wrap(f.small, nil, between, 100); !slices.Equal(got, nil) {
		t.Errorf("of nothing: %q", got)
	}
}
