package findings

import (
	"context"
	"image"
	"testing"
)

func TestTheBoxOfASliceHoldsItsLungsAndTheMargin(t *testing.T) {
	v := thoraxVolume(false, false)
	l, err := LungsOfVolume(context.Background(), v)
	if err != nil {
		t.Fatal(err)
	}
	s := slice(v, 0)
	tight, wide := l.Box(s, 0), l.Box(s, 20)
	slice := image.Rect(0, 0, v.Columns, v.Rows)
	if tight.Empty() || tight == slice {
		t.Fatalf("the box is %v of %v", tight, slice)
	}
	for y := range v.Rows {
		for x := range v.Columns {
			if l.At(x, y, s) != NoLung && !image.Pt(x, y).In(tight) {
				t.Fatalf("lung at %d, %d lies outside of %v", x, y, tight)
			}
		}
	}
	sx, sy, _, _ := v.SpacingMM()
	want := image.Rect(tight.Min.X-int(20/sx+0.5), tight.Min.Y-int(20/sy+0.5), tight.Max.X+int(20/sx+0.5), tight.Max.Y+int(20/sy+0.5)).Intersect(slice)
	if wide != want {
		t.Errorf("with 20 mm the box is %v, want %v", wide, want)
	}
}
