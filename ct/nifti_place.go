package ct

import "math"

const (
	niftiScanner     = 1 // code of a form: the scanner's own coordinates
	niftiMetres      = 1 // units of space, the lowest three bits
	niftiMillimetres = 2
	niftiMicrons     = 3
)

// niftiPlace is what a header says of where voxels lie, in the frame whose axes
// run to the right, the front and the head (RAS). A form counts where its code
// is above 0.
type niftiPlace struct {
	qform, sform int
	parts        [3]float64 // of the quaternion: b, c, d
	shift        [3]float64
	factor       float64 // pixdim[0]; below 0 mirrors the third axis
	rows         [3][4]float64
}

// formsApartMM is how far apart the two forms may put a corner of the volume
// before that is worth a warning.
const formsApartMM = 1

// affine returns the matrix from voxels to millimetres in the LPS frame, and
// warnings. The sform wins where both forms are there, as in nibabel: programs
// that turn or move a volume write it, some without the other. A volume without
// either is refused, as its left and right would be a guess.
func (h *niftiHeader) affine() (m [4][4]float64, warnings []Warning, err error) {
	warn := func(code, message string) { warnings = append(warnings, Warning{code, message}) }
	p := h.place
	s, sOK := p.sformAffine()
	q, qOK := p.qformAffine(h.sizes)
	switch {
	case p.sform <= 0 && p.qform <= 0:
		return m, nil, phrase("it does not say how it lies in the patient (it has neither sform nor qform), so that left and right would be a guess")
	case sOK:
		m = s
	case qOK:
		m = q
		if p.sform > 0 {
			warn("broken_sform", "the sform makes no grid, and the qform was taken in its place")
		}
	default:
		return m, nil, phrase("its sform and qform make no grid")
	}
	unit, known := map[int]float64{niftiMetres: 1000, niftiMillimetres: 1, niftiMicrons: 1e-3}[h.units&7]
	if !known {
		unit = 1
		warn("no_units", "the file does not name its unit of length, and millimetres were assumed")
	}
	if sOK && qOK {
		if d := farthestCorner(s, q, h.size()) * unit; d > formsApartMM {
			warn("forms_differ", phrase("the sform and the qform put the volume in different places, up to %.1f mm apart; the sform was taken", d).Error())
		}
	}
	for i := range 3 {
		for j := range 4 {
			m[i][j] *= unit
		}
	}
	m[3] = [4]float64{3: 1}
	return mirrorXY(m), warnings, nil
}

// sformAffine returns the sform's matrix in the RAS frame.
func (p niftiPlace) sformAffine() (m [4][4]float64, ok bool) {
	copy(m[:], [][4]float64{p.rows[0], p.rows[1], p.rows[2], {3: 1}})
	return m, p.sform > 0 && spans(m)
}

// qformAffine returns the qform's matrix in the RAS frame, for voxels of a size.
func (p niftiPlace) qformAffine(sizes [3]float64) (m [4][4]float64, ok bool) {
	q := quaternion{b: p.parts[0], c: p.parts[1], d: p.parts[2], factor: 1}
	if p.factor < 0 {
		q.factor = -1
	}
	columns, ok := q.rotation()
	if !ok || p.qform <= 0 {
		return m, false
	}
	for i := range 3 {
		for j := range 3 {
			if !(sizes[j] > 0) {
				return m, false
			}
			m[i][j] = columns[j][i] * sizes[j]
		}
		m[i][3] = p.shift[i]
	}
	m[3][3] = 1
	return m, spans(m)
}

// spans reports whether the matrix is finite and its three axes span a space.
func spans(m [4][4]float64) bool {
	var axes [3][3]float64
	for j := range 3 {
		axes[j] = [3]float64{m[0][j], m[1][j], m[2][j]}
	}
	volume := math.Abs(dot(axes[0], cross(axes[1], axes[2])))
	for i := range 3 {
		if !(math.Abs(m[i][3]) < 1e9) { // NaN too
			return false
		}
	}
	lengths := norm(axes[0]) * norm(axes[1]) * norm(axes[2])
	return lengths > 0 && volume > 1e-6*lengths && !math.IsInf(lengths, 0)
}

// farthestCorner returns the largest distance between where two matrices put a
// corner of a grid.
func farthestCorner(a, b [4][4]float64, size [3]int) float64 {
	most := 0.0
	for corner := range 8 {
		var at [3]float64
		for i := range at {
			at[i] = float64((corner >> i & 1) * (size[i] - 1))
		}
		var d [3]float64
		for i := range d {
			for j := range 3 {
				d[i] += (a[i][j] - b[i][j]) * at[j]
			}
			d[i] += a[i][3] - b[i][3]
		}
		most = max(most, norm(d))
	}
	return most
}
