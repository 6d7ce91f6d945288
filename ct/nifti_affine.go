package ct

import "math"

// quaternion is a rotation as NIfTI's qform has it: the unit quaternion
// a + bi + cj + dk with a >= 0, after a mirroring of the third axis where factor
// is -1 (nifti1.h, "method 2").
type quaternion struct {
	b, c, d float64
	factor  float64 // qfac: 1 or -1
}

// rotation returns the columns that the voxel axes are turned to, with the third
// mirrored by the factor. ok is false where the parts are no rotation.
func (q quaternion) rotation() (columns [3][3]float64, ok bool) {
	b, c, d := q.b, q.c, q.d
	square := b*b + c*c + d*d
	if !(square <= 1+1e-3) { // NaN too
		return columns, false
	}
	a := 0.0
	if square > 1-1e-7 {
		// A half turn, whose parts are of unit length but for rounding.
		l := math.Sqrt(square)
		b, c, d = b/l, c/l, d/l
	} else {
		a = math.Sqrt(1 - square)
	}
	columns = [3][3]float64{
		{a*a + b*b - c*c - d*d, 2 * (b*c + a*d), 2 * (b*d - a*c)},
		{2 * (b*c - a*d), a*a + c*c - b*b - d*d, 2 * (c*d + a*b)},
		{2 * (b*d + a*c), 2 * (c*d - a*b), a*a + d*d - b*b - c*c},
	}
	columns[2] = scale(columns[2], q.factor)
	return columns, true
}

// rightAngle bounds the cosine between axes that still stand at right angles.
const rightAngle = 1e-4

// quaternionOf returns the rotation of an affine, if it is one, with sizes and
// perhaps a mirroring, but without shear.
func quaternionOf(m [4][4]float64) (q quaternion, ok bool) {
	var c [3][3]float64 // unit columns
	for j := range 3 {
		column := [3]float64{m[0][j], m[1][j], m[2][j]}
		l := norm(column)
		if l == 0 {
			return q, false
		}
		c[j] = scale(column, 1/l)
	}
	if math.Abs(dot(c[0], c[1])) > rightAngle || math.Abs(dot(c[0], c[2])) > rightAngle || math.Abs(dot(c[1], c[2])) > rightAngle {
		return q, false
	}
	q.factor = 1
	if dot(cross(c[0], c[1]), c[2]) < 0 {
		q.factor = -1
		c[2] = scale(c[2], -1)
	}
	// Of the four parts the largest is taken from the diagonal, the others from
	// it, so that nothing small is divided by.
	trace := c[0][0] + c[1][1] + c[2][2]
	a := math.Sqrt(max(0, 1+trace)) / 2
	b := math.Sqrt(max(0, 1+2*c[0][0]-trace)) / 2
	cc := math.Sqrt(max(0, 1+2*c[1][1]-trace)) / 2
	d := math.Sqrt(max(0, 1+2*c[2][2]-trace)) / 2
	switch max(a, b, cc, d) {
	case a:
		q.b, q.c, q.d = (c[1][2]-c[2][1])/(4*a), (c[2][0]-c[0][2])/(4*a), (c[0][1]-c[1][0])/(4*a)
	case b:
		a = (c[1][2] - c[2][1]) / (4 * b)
		q.b, q.c, q.d = b, (c[1][0]+c[0][1])/(4*b), (c[2][0]+c[0][2])/(4*b)
	case cc:
		a = (c[2][0] - c[0][2]) / (4 * cc)
		q.b, q.c, q.d = (c[1][0]+c[0][1])/(4*cc), cc, (c[2][1]+c[1][2])/(4*cc)
	default:
		a = (c[0][1] - c[1][0]) / (4 * d)
		q.b, q.c, q.d = (c[2][0]+c[0][2])/(4*d), (c[2][1]+c[1][2])/(4*d), d
	}
	if a < 0 {
		q.b, q.c, q.d = -q.b, -q.c, -q.d
	}
	return q, true
}

// mirrorXY takes an affine from NIfTI's frame (right, anterior, superior) to
// DICOM's (left, posterior, superior), or back.
func mirrorXY(m [4][4]float64) [4][4]float64 {
	for i := range 2 {
		for j := range 4 {
			if m[i][j] != 0 { // no -0
				m[i][j] = -m[i][j]
			}
		}
	}
	return m
}
