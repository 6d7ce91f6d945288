package ct

// Sizes of the two forms of header, and where voxels begin at the earliest.
const (
	nifti1Size = 348
	nifti1Data = 352
	nifti2Size = 540
	nifti2Data = 544
)

// niftiType is NIfTI's code for the kind of a voxel (nifti1.h, DT_...).
type niftiType int

const (
	niftiUint8   niftiType = 2
	niftiInt16   niftiType = 4
	niftiInt32   niftiType = 8
	niftiFloat32 niftiType = 16
	niftiFloat64 niftiType = 64
	niftiInt8    niftiType = 256
	niftiUint16  niftiType = 512
	niftiUint32  niftiType = 768
)

// bytes returns the size of a voxel, 0 for kinds that are not read.
func (k niftiType) bytes() int {
	switch k {
	case niftiUint8, niftiInt8:
		return 1
	case niftiInt16, niftiUint16:
		return 2
	case niftiInt32, niftiUint32, niftiFloat32:
		return 4
	case niftiFloat64:
		return 8
	}
	return 0
}

const (
	niftiScanner     = 1 // code of a form: the scanner's own coordinates
	niftiMillimetres = 2 // unit of space
)
