package phantom

import (
	"fmt"
	"math"
)

// Config says what to build. The zero value of a field means its default; the
// zero Config is a chest without lesions.
type Config struct {
	Columns, Rows int        // 512 x 512
	Slices        int        // 60
	PixelMM       [2]float64 // from column to column and from row to row; what shows the whole chest
	SliceMM       float64    // from slice to slice along the normal; what shows the whole chest
	ThicknessMM   float64    // of a slice; SliceMM. More makes slices overlap, less leaves gaps

	Position    Position    // of the patient; HFS
	Orientation Orientation // of the voxels; that of a scanner for the position, LPS for HFS
	TiltDegrees float64     // of the gantry: slices about their rows' direction, at most 45
	TurnDegrees [3]float64  // of the whole volume about the patient's x, y and z, in this order
	CentreMM    vec         // of the volume, LPS; what lies outside the volume is cut off

	NoiseHU float64 // standard deviation in soft tissue; 18; negative for none
	GrainMM float64 // how wide the noise's grain is (standard deviation of a Gaussian); 0.5; negative for white noise
	BlurMM  float64 // the point spread within a slice (standard deviation of a Gaussian); 0.6; negative for none
	Seed    uint64

	// GroundGlass, Consolidations and Mixed are how many lesions of each kind to
	// put at random, near the pleura and more of them low and at the back.
	GroundGlass, Consolidations, Mixed int

	// Lesions are put where they say, besides the random ones.
	Lesions []Lesion
}

// extentMM is how much of the chest is shown from left to right, from front to
// back and from end to end.
var extentMM = vec{384, 300, 300}

const (
	// maxVoxels bounds what New allocates: 1 GiB of Hounsfield units.
	maxVoxels  = 1 << 29
	maxLesions = 250 // they are labelled in a byte
)

func (c Config) orDefaults() (Config, error) {
	if c.Columns == 0 {
		c.Columns = 512
	}
	if c.Rows == 0 {
		c.Rows = c.Columns
	}
	if c.Slices == 0 {
		c.Slices = 60
	}
	if c.Columns < 32 || c.Rows < 32 || c.Slices < 1 || c.Columns > 4096 || c.Rows > 4096 || c.Slices > maxVoxels/(c.Columns*c.Rows) {
		return c, fmt.Errorf("phantom: %d x %d pixels and %d slices: at least 32 x 32 and 1, at most 2^29 voxels", c.Columns, c.Rows, c.Slices)
	}
	if c.Position == "" {
		c.Position = HeadFirstSupine
	}
	o, err := c.Position.orientation()
	if err != nil {
		return c, err
	}
	if c.Orientation == "" {
		c.Orientation = o
	}
	if err := c.Orientation.check(); err != nil {
		return c, err
	}
	c = c.sizes()
	if !(min(c.PixelMM[0], c.PixelMM[1], c.SliceMM, c.ThicknessMM) > 0 && max(c.PixelMM[0], c.PixelMM[1], c.SliceMM, c.ThicknessMM) < 1000) {
		return c, fmt.Errorf("phantom: pixels of %g x %g mm, slices of %g mm, %g mm thick", c.PixelMM[0], c.PixelMM[1], c.SliceMM, c.ThicknessMM)
	}
	if !(math.Abs(c.TiltDegrees) <= 45) {
		return c, fmt.Errorf("phantom: a gantry tilted by %g degrees, at most 45", c.TiltDegrees)
	}
	for _, v := range []float64{c.TurnDegrees[0], c.TurnDegrees[1], c.TurnDegrees[2], c.CentreMM[0], c.CentreMM[1], c.CentreMM[2], c.NoiseHU, c.GrainMM, c.BlurMM} {
		if !(math.Abs(v) < 1e4) {
			return c, fmt.Errorf("phantom: %g degrees, mm or HU are beyond reason", v)
		}
	}
	return c, c.checkLesions()
}

// sizes fills in what shows the whole chest, and the scanner's properties.
func (c Config) sizes() Config {
	orDefault := func(v *float64, otherwise float64) {
		if *v == 0 {
			*v = otherwise
		}
	}
	wide := max(extentMM[c.Orientation.axis(0)]/float64(c.Columns), extentMM[c.Orientation.axis(1)]/float64(c.Rows))
	orDefault(&c.PixelMM[0], wide)
	orDefault(&c.PixelMM[1], c.PixelMM[0])
	orDefault(&c.SliceMM, extentMM[c.Orientation.axis(2)]/float64(c.Slices))
	orDefault(&c.ThicknessMM, c.SliceMM)
	for v, otherwise := range map[*float64]float64{&c.NoiseHU: 18, &c.GrainMM: 0.5, &c.BlurMM: 0.6} {
		orDefault(v, otherwise)
		*v = max(0, *v)
	}
	return c
}

func (c Config) checkLesions() error {
	if n := c.GroundGlass + c.Consolidations + c.Mixed + len(c.Lesions); min(c.GroundGlass, c.Consolidations, c.Mixed) < 0 || n > maxLesions {
		return fmt.Errorf("phantom: %d lesions, at most %d", n, maxLesions)
	}
	for i, l := range c.Lesions {
		if err := l.check(); err != nil {
			return fmt.Errorf("phantom: lesion %d %w", i+1, err)
		}
	}
	return nil
}
