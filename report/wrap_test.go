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

// A path has no blanks to break at, and is longer than a line.
func TestAParagraphIsBrokenWithinALongWordAndNoLetterIsLost(t *testing.T) {
	f, err := newFaces()
	if err != nil {
		t.Fatal(err)
	}
	text := "read from " + strings.Repeat("/folder", 30) + " with care"
	lines := paragraph(f.small, text, 300)
	for _, line := range lines {
		if wide(f.small, line, 300) {
			t.Errorf("%q is wider than 300 pixels", line)
		}
	}
	without := func(s string) string { return strings.ReplaceAll(s, " ", "") }
	if got := strings.Join(lines, ""); len(lines) < 3 || without(got) != without(text) {
		t.Errorf("%d lines say %q", len(lines), lines)
	}
	if got := paragraph(f.small, "öü", 1); !slices.Equal(got, []string{"ö", "ü"}) {
		t.Errorf("where no letter fits: %q", got)
	}
}
