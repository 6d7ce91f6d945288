package network

import (
	"context"
	"testing"
)

func BenchmarkCompactClassifier(b *testing.B) {
	c, err := NewClassifier(initialised(b, CompactClassifier()), Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	src := slice(512, 512)
	for b.Loop() {
		if _, err := c.Classify(context.Background(), src); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkCompactSegmenter(b *testing.B) {
	s, err := NewSegmenter(initialised(b, CompactJoint()), Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	src := slice(512, 512)
	for b.Loop() {
		if _, err := s.Segment(context.Background(), src); err != nil {
			b.Fatal(err)
		}
	}
}
