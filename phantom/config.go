package phantom

import "fmt"

// Config says what to build. The zero value of a field means its default; the
// zero Config is a chest without lesions.
type Config struct {
	Columns, Rows int     // 512 x 512
	Slices        int     // 60
	PixelMM       float64 // in both directions; what makes 384 mm from side to side
	SliceMM       float64 // from slice to slice, and thickness; what makes 300 mm from end to end
	NoiseHU       float64 // standard deviation in soft tissue; 18; negative for none
	Seed          uint64

	// GroundGlass and Consolidations are how many lesions of each kind to put
	// at random, near the pleura and more of them low and at the back.
	GroundGlass, Consolidations int

	// Lesions are put where they say, besides the random ones.
	Lesions []Lesion
}

// Kind is a lesion's kind, in the words of diagnosis.json.
type Kind string

// The kinds of lesions.
const (
	GroundGlass   Kind = "ground_glass"
	Consolidation Kind = "consolidation"
)

// Lesion is an ellipsoid with an uneven surface, of which only what lies in a
// lung is there.
type Lesion struct {
	Kind     Kind
	CentreMM [3]float64 // LPS; see [New] for the frame
	RadiiMM  [3]float64 // along x, y, z
}

// hounsfield is the density of a lesion's kind.
func (k Kind) hounsfield() float32 {
	if k == Consolidation {
		return 30
	}
	return -520
}

const (
	widthMM  = 384
	heightMM = 300
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
	if c.PixelMM == 0 {
		c.PixelMM = widthMM / float64(c.Columns)
	}
	if c.SliceMM == 0 {
		c.SliceMM = heightMM / float64(c.Slices)
	}
	if c.PixelMM <= 0 || c.SliceMM <= 0 {
		return c, fmt.Errorf("phantom: pixels of %g mm and slices of %g mm", c.PixelMM, c.SliceMM)
	}
	if c.NoiseHU == 0 {
		c.NoiseHU = 18
	}
	c.NoiseHU = max(0, c.NoiseHU)
	if n := c.GroundGlass + c.Consolidations + len(c.Lesions); c.GroundGlass < 0 || c.Consolidations < 0 || n > maxLesions {
		return c, fmt.Errorf("phantom: %d lesions, at most %d", n, maxLesions)
	}
	for i, l := range c.Lesions {
		if (l.Kind != GroundGlass && l.Kind != Consolidation) || min(l.RadiiMM[0], l.RadiiMM[1], l.RadiiMM[2]) <= 0 {
			return c, fmt.Errorf("phantom: lesion %d has kind %q and radii %v mm", i+1, l.Kind, l.RadiiMM)
		}
	}
	return c, nil
}
