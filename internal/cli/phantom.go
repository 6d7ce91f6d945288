package cli

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/jcs-ct/jcs/ct"
	"github.com/jcs-ct/jcs/internal/dcmtk"
	"github.com/jcs-ct/jcs/phantom"
	"github.com/jcs-ct/jcs/report"
)

type phantomCommand struct {
	Out   string `required:"" placeholder:"DIR" help:"Folder for the slices and their truth; must not exist or be empty."`
	Masks string `placeholder:"DIR" help:"Folder for the true lungs and lesions as NIfTI labels and for a preview; must not exist or be empty."`
	Seed  uint64 `default:"1" help:"The same seed makes the same study."`

	Size        int       `default:"512" help:"Columns and rows."`
	Slices      int       `default:"60" help:"Number of slices."`
	PixelMM     []float64 `name:"pixel-mm" placeholder:"X[,Y]" help:"Distance of columns and of rows; without it the whole chest is shown."`
	SliceMM     float64   `name:"slice-mm" default:"0" help:"Distance of slices; 0 for what makes 300 mm from end to end."`
	ThicknessMM float64   `name:"thickness-mm" default:"0" help:"Thickness of slices: over their distance they overlap, below there are gaps; 0 for the distance."`
	CentreMM    []float64 `name:"centre-mm" placeholder:"X,Y,Z" help:"Middle of the volume from the middle of the chest, to the left, the back and the head: what lies outside is cut off, as the apex by 0,0,-60."`

	Position    string    `default:"HFS" enum:"HFS,HFP,FFS,FFP" help:"Head or feet first, supine or prone."`
	Orientation string    `placeholder:"LPS" help:"Where columns, rows and slices grow to: LPS axial, LIP coronal, PIL sagittal, or any other of 48."`
	Tilt        float64   `default:"0" help:"Gantry tilt in degrees."`
	Turn        []float64 `placeholder:"X,Y,Z" help:"Degrees by which the volume is turned about the patient's axes."`

	NoiseHU float64 `name:"noise-hu" default:"18" help:"Standard deviation of the noise in soft tissue; negative for none."`
	GrainMM float64 `name:"grain-mm" default:"0.5" help:"Width of the noise's grain; negative for white noise."`
	BlurMM  float64 `name:"blur-mm" default:"0.6" help:"Width of the point spread within slices; negative for none."`

	GroundGlass    int      `default:"8" help:"Number of ground-glass opacities."`
	Consolidations int      `default:"2" help:"Number of consolidations."`
	Mixed          int      `default:"4" help:"Number of ground-glass opacities with a consolidated core."`
	Lesion         []string `sep:"none" placeholder:"SPEC" help:"One more lesion, such as kind=mixed,lung=right,zone=lower,place=peripheral,ml=20,hu=-600. May be repeated."`

	Format   string `default:"dicom" enum:"dicom,enhanced,nifti" help:"DICOM slices, one Enhanced CT file with a frame a slice, or one NIfTI volume."`
	Syntax   string `placeholder:"UID" help:"Transfer syntax of DICOM; explicit little endian without it."`
	Shuffled bool   `help:"Files are not named in the order of slices."`
	Numbers  string `default:"ascending" enum:"ascending,descending,none" help:"Instance numbers in the order of slices."`
	faultFlags
}

// faultFlags make a series that is not as it should be.
type faultFlags struct {
	Missing   []int `help:"Slices to leave out, from 1."`
	Duplicate []int `help:"Slices to write twice."`
	Halved    []int `help:"Slices to write with half the columns and rows."`
	Localizer bool  `help:"Put a localizer beside the series."`
	DoseSheet bool  `help:"Put a picture of the dose beside it."`
	Patients  int   `default:"1" help:"Patients to put into the folder, each by its own seed."`
}

func (phantomCommand) Help() string {
	return `Writes a synthetic chest CT as DICOM or NIfTI, with truth.json: what lesions it has, where,
and of what volume, and the lungs' severity scores. For tests and demonstrations; it is drawn
by formulas and of no clinical worth.

Example: jcs phantom --out study/`
}

// Run writes phantoms.
func (c *phantomCommand) Run(ctx context.Context, t *terminal) error {
	config, output, err := c.read()
	if err != nil {
		return err
	}
	folder, err := report.Begin(c.Out, false)
	if err != nil {
		return err
	}
	t.undoUnlessDone(folder.Discard)
	var truths []*phantom.Truth
	for i := range c.Patients {
		t.say("drawing the phantom")
		v, truth, err := phantom.New(ctx, config)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			return usageError{err}
		}
		if c.Patients > 1 {
			output.Prefix, output.PatientID = fmt.Sprintf("patient%d_", i+1), fmt.Sprintf("PHANTOM%d", i+1)
		}
		if err := folder.Fill(func(dir string) error { return phantom.WriteAs(ctx, dir, v, truth, output) }); err != nil {
			return fmt.Errorf("write the phantom: %w", err)
		}
		if err := c.writeMasks(t, v, truth); err != nil {
			return err
		}
		truths = append(truths, truth)
		config.Seed++
	}
	if err := folder.Commit(); err != nil {
		return err
	}
	return c.table(t, truths)
}

func (c *phantomCommand) writeMasks(t *terminal, v *ct.Volume, truth *phantom.Truth) error {
	if c.Masks == "" {
		return nil
	}
	folder, err := report.Begin(c.Masks, false)
	if err != nil {
		return err
	}
	t.undoUnlessDone(folder.Discard)
	if err := folder.Fill(func(dir string) error { return phantom.WriteMasks(dir, v, truth) }); err != nil {
		return fmt.Errorf("write the phantom's masks: %w", err)
	}
	return folder.Commit()
}

func (c *phantomCommand) table(t *terminal, truths []*phantom.Truth) error {
	entries, err := os.ReadDir(c.Out)
	if err != nil {
		return fmt.Errorf("look at the phantom: %w", err)
	}
	rows := [][]string{{"files", fmt.Sprint(len(entries))}}
	for _, truth := range truths {
		volume := 0.0
		for _, l := range truth.Lesions {
			volume += l.VolumeML
		}
		rows = append(rows, [][]string{
			{"lungs", fmt.Sprintf("right %.0f mL, left %.0f mL", truth.Lungs.Right.VolumeML, truth.Lungs.Left.VolumeML)},
			{"lesions", fmt.Sprintf("%d, %.1f mL, %.1f %% of the lungs", len(truth.Lesions), volume, truth.Severity.PercentageOfOpacity)},
		}...)
	}
	return t.table(append(rows, []string{"written to", c.Out}))
}

// read takes the flags for a phantom and how it is written.
func (c *phantomCommand) read() (phantom.Config, phantom.Output, error) {
	fail := func(format string, args ...any) (phantom.Config, phantom.Output, error) {
		return phantom.Config{}, phantom.Output{}, usage(format, args...)
	}
	if c.Size < 64 || c.Size > 2048 || c.Slices < 1 || c.Slices > 2000 || c.SliceMM < 0 || c.ThicknessMM < 0 || min(c.GroundGlass, c.Consolidations, c.Mixed) < 0 {
		return fail("a phantom has 64 to 2048 columns, 1 to 2000 slices and no number below 0")
	}
	if c.Patients < 1 || c.Patients > 20 || c.Masks != "" && c.Patients > 1 {
		return fail("a folder holds 1 to 20 patients, and masks of one")
	}
	if c.Masks != "" && filepath.Clean(c.Masks) == filepath.Clean(c.Out) {
		return fail("--masks must be another folder than --out, where they would be taken for a study")
	}
	config := phantom.Config{
		Columns: c.Size, Rows: c.Size, Slices: c.Slices, SliceMM: c.SliceMM, ThicknessMM: c.ThicknessMM,
		Position: phantom.Position(c.Position), Orientation: phantom.Orientation(c.Orientation), TiltDegrees: c.Tilt,
		NoiseHU: c.NoiseHU, GrainMM: c.GrainMM, BlurMM: c.BlurMM, Seed: c.Seed,
		GroundGlass: c.GroundGlass, Consolidations: c.Consolidations, Mixed: c.Mixed,
	}
	for _, f := range []struct {
		name string
		from []float64
		to   []float64
	}{{"pixel-mm", c.PixelMM, config.PixelMM[:]}, {"centre-mm", c.CentreMM, config.CentreMM[:]}, {"turn", c.Turn, config.TurnDegrees[:]}} {
		if len(f.from) != 0 && len(f.from) != len(f.to) && f.name != "pixel-mm" || len(f.from) > len(f.to) {
			return fail("--%s takes %d numbers with commas between them", f.name, len(f.to))
		}
		copy(f.to, f.from)
	}
	for _, text := range c.Lesion {
		l, err := phantom.ParseLesion(text)
		if err != nil {
			return fail("--lesion %s: %v", text, err)
		}
		config.Lesions = append(config.Lesions, l)
	}
	output := phantom.Output{
		NIfTI: c.Format == "nifti", Enhanced: c.Format == "enhanced", TransferSyntax: c.Syntax,
		Order: phantom.Order{Shuffled: c.Shuffled, DescendingNumber: c.Numbers == "descending", NoNumber: c.Numbers == "none"},
	}
	if c.Syntax != "" && !slices.ContainsFunc(dcmtk.Syntaxes(), func(s dcmtk.Syntax) bool { return s.UID == c.Syntax && s.Write }) {
		return fail("transfer syntax %s is not written: one of %s", c.Syntax, written())
	}
	if output.Enhanced && (len(c.Halved) > 0 || c.Numbers == "none") {
		return fail("frames of an enhanced CT are of one size, and have numbers")
	}
	faults, err := c.faults(c.Slices)
	output.Faults = faults
	return config, output, err
}

// written lists the transfer syntaxes that are written.
func written() string {
	var all []string
	for _, s := range dcmtk.Syntaxes() {
		if s.Write {
			all = append(all, fmt.Sprintf("%s (%s)", s.UID, s.Name))
		}
	}
	return strings.Join(all, ", ")
}

func (f faultFlags) faults(n int) (phantom.Faults, error) {
	out := phantom.Faults{Localizer: f.Localizer, DoseSheet: f.DoseSheet}
	for _, list := range []struct {
		from []int
		to   *[]int
	}{{f.Missing, &out.Missing}, {f.Duplicate, &out.Duplicate}, {f.Halved, &out.Halved}} {
		for _, k := range list.from {
			if k < 1 || k > n {
				return out, usage("slice %d of %d", k, n)
			}
			*list.to = append(*list.to, k-1)
		}
	}
	return out, nil
}
