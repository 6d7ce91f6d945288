package diagnose

import (
	"image"
	"testing"

	"github.com/jcs-ct/jcs/network"
)

func TestAMapLiesWhereTheNetworkLooked(t *testing.T) {
	plan := network.CompactClassifier()
	whole := network.ActivationMap{Width: plan.Width, Height: plan.Height, Values: make([]float32, plan.Width*plan.Height)}
	for i := range whole.Values {
		whole.Values[i] = 1
	}
	view := image.Rect(10, 20, 40, 30)
	values := newMap(whole, plan, image.Rect(0, 0, 50, 60), view, view.Size()).OnSlice()
	for i, v := range values {
		want := float32(0)
		if image.Pt(i%50, i/50).In(view) {
			want = 1
		}
		if v != want {
			t.Fatalf("at %d, %d the map is %g, want %g", i%50, i/50, v, want)
		}
	}
}
