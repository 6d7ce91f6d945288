package picture

import (
	"image"
	"testing"
)

func TestPartIsACopyOfWhatLiesInTheBox(t *testing.T) {
	src := image.NewGray(image.Rect(0, 0, 5, 4))
	for i := range src.Pix {
		src.Pix[i] = uint8(i)
	}
	part := Part(src, image.Rect(2, 1, 9, 3))
	if part.Rect != image.Rect(0, 0, 3, 2) {
		t.Fatalf("the part is %v", part.Rect)
	}
	if got, want := part.GrayAt(0, 0).Y, src.GrayAt(2, 1).Y; got != want {
		t.Errorf("its corner is %d, want %d", got, want)
	}
	part.Pix[0] = 99
	if src.GrayAt(2, 1).Y == 99 {
		t.Error("it shares memory with the picture")
	}
}
