package phantom

import (
	"os"
	"path/filepath"

	"github.com/jcs-ct/jcs/ct"
	"github.com/jcs-ct/jcs/internal/dcmtk"
)

// halve makes a slice of half the columns and rows.
func halve(im *dcmtk.CTImage) {
	columns, rows := im.Columns/2, im.Rows/2
	hu := make([]int16, columns*rows)
	for r := range rows {
		for c := range columns {
			hu[r*columns+c] = im.HU[2*r*im.Columns+2*c]
		}
	}
	im.Columns, im.Rows, im.HU = columns, rows, hu
	im.SpacingX, im.SpacingY = 2*im.SpacingX, 2*im.SpacingY
}

// beside writes what lies beside the series: localizer and dose sheet.
func (w *writer) beside() error {
	if w.output.Faults.Localizer {
		if err := w.another("localizer.dcm", w.localizer(), 2, `ORIGINAL\PRIMARY\LOCALIZER`, ""); err != nil {
			return err
		}
	}
	if w.output.Faults.DoseSheet {
		return w.another("dose.dcm", w.doseSheet(), 3, `DERIVED\SECONDARY\OTHER`, secondaryCapture)
	}
	return nil
}

const secondaryCapture = "1.2.840.10008.5.1.4.1.1.7"

// another writes an image of a series of its own.
func (w *writer) another(name string, im *dcmtk.CTImage, series int, kind, class string) error {
	im.SeriesUID = dcmtk.UID(im.SeriesUID, name)
	im.InstanceUID = dcmtk.UID(im.InstanceUID, name)
	im.SeriesNumber, im.InstanceNumber = series, 1
	samples, err := im.Samples()
	if err != nil {
		return err
	}
	attributes := im.Attributes()
	for i, a := range attributes {
		switch {
		case a.Tag == imageType:
			attributes[i].Text = kind
		case a.Tag == sopClass && class != "":
			attributes[i].Text = class
		}
	}
	file, err := w.child.WriteAs(im.TransferSyntax, attributes, samples)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(w.dir, w.output.Prefix+name), file, 0o644)
}

// localizer is the mean of the volume along its rows' step, as a scanner's
// survey picture: columns by slices.
func (w *writer) localizer() *dcmtk.CTImage {
	v := w.volume
	im := w.image(0)
	hu := make([]int16, v.Columns*v.Slices)
	for k := range v.Slices {
		for c := range v.Columns {
			sum := 0
			for r := range v.Rows {
				sum += int(v.HU[(k*v.Rows+r)*v.Columns+c])
			}
			hu[(v.Slices-1-k)*v.Columns+c] = int16(sum / v.Rows)
		}
	}
	im.Rows, im.HU = v.Slices, hu
	_, _, im.SpacingY, _ = v.SpacingMM()
	step := axis(v.Affine, 2)
	im.Position = v.Position(0, float64(v.Rows-1)/2, float64(v.Slices-1))
	for i := range 3 {
		im.Orientation[3+i] = -step[i] / norm(step)
	}
	im.SeriesDescription = "Synthetic scout"
	return im
}

// doseSheet is a picture with rows of bars where a scanner's has text.
func (w *writer) doseSheet() *dcmtk.CTImage {
	im := w.image(0)
	im.Columns, im.Rows = 256, 256
	im.HU = make([]int16, im.Columns*im.Rows)
	for i := range im.HU {
		x, y := i%im.Columns, i/im.Columns
		im.HU[i] = ct.Air
		if y%16 < 8 && x > 16 && x < 240-(y*7)%120 && (x*5+y/16*11)%13 < 7 {
			im.HU[i] = 1000
		}
	}
	im.SeriesDescription = "Dose report"
	return im
}
