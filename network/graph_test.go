package network

import (
	"fmt"
	"strings"
	"testing"
)

func plans() []Plan {
	shared := CompactJoint()
	shared.Name, shared.SharedHead, shared.Classes, shared.Positive = "shared", true, classes(), 1
	narrow := CompactJoint()
	narrow.Name, narrow.MobileNet = "narrow", &MobileNet{Width: 0.25}
	return []Plan{FullClassifier(), FullClassifier50(), FullSegmenter(), FullJoint(), CompactClassifier(), CompactJoint(), shared, narrow}
}

func TestGraphsCanBeBuiltForAnySize(t *testing.T) {
	for _, p := range plans() {
		for _, size := range [][2]int{{p.Height, p.Width}, {33, 61}, {97, 40}, {187, 250}} {
			t.Run(fmt.Sprintf("%s %dx%d", p.Name, size[0], size[1]), func(t *testing.T) {
				g, err := p.Graph(2, size[0], size[1])
				if err != nil {
					t.Fatal(err)
				}
				want := fmt.Sprintf("2x5x%dx%d", size[0], size[1])
				if !p.segments() {
					want = "2x2"
				}
				if got := g.Outputs()[0].Value.Shape().String(); got != want {
					t.Errorf("the first output is %s, want %s", got, want)
				}
				if p.SharedHead && g.Outputs()[1].Value.Shape().String() != "2x2" {
					t.Errorf("the head's output is %v", g.Outputs()[1].Value.Shape())
				}
			})
		}
	}
}

func TestGraphReturnsTheTapsThatAreAskedFor(t *testing.T) {
	p := CompactJoint()
	g, err := p.GraphWith(GraphOptions{Outputs: HeadOutputs()}, 3, 64, 96)
	if err != nil {
		t.Fatal(err)
	}
	if len(g.Outputs()) != 5 {
		t.Fatalf("%d outputs", len(g.Outputs()))
	}
	for _, o := range g.Outputs() {
		if o.Value.Shape().String() != "3x1x64x96" {
			t.Errorf("%s is %v", o.Name, o.Value.Shape())
		}
	}
	if _, err := p.GraphWith(GraphOptions{Outputs: []string{"no such"}}, 1, 64, 64); err == nil || !strings.Contains(err.Error(), "no such") {
		t.Errorf("error %v does not name the tap", err)
	}
}

func TestInitialIsDeterministicAndCompilesIntoEveryPlan(t *testing.T) {
	p := CompactJoint()
	a, err := p.Initial(7)
	if err != nil {
		t.Fatal(err)
	}
	b, _ := p.Initial(7)
	c, _ := p.Initial(8)
	all, _ := p.Parameters()
	differ := 0
	for _, q := range all {
		if !a[q.Name].Shape.Equal(q.Shape) {
			t.Errorf("%s is %v, want %v", q.Name, a[q.Name].Shape, q.Shape)
		}
		for i, v := range a[q.Name].Data {
			if v != b[q.Name].Data[i] {
				t.Fatalf("%s differs with the same seed", q.Name)
			}
			if v != c[q.Name].Data[i] {
				differ++
			}
		}
	}
	if differ == 0 {
		t.Error("another seed gives the same weights")
	}
	for name, q := range a {
		if strings.HasSuffix(name, "se1.linear1.weight") {
			for _, v := range q.Data {
				if v < 0 {
					t.Fatalf("%s has negative weights into its one unit", name)
				}
			}
		}
	}
}
