package dcmtk

// Transfer syntaxes (PS3.6, table A-1).
const (
	ImplicitLittleEndian = "1.2.840.10008.1.2"
	ExplicitLittleEndian = "1.2.840.10008.1.2.1"
	Deflated             = "1.2.840.10008.1.2.1.99"
	ExplicitBigEndian    = "1.2.840.10008.1.2.2"
	RLE                  = "1.2.840.10008.1.2.5"
	JPEGBaseline         = "1.2.840.10008.1.2.4.50"
	JPEGExtended         = "1.2.840.10008.1.2.4.51"
	JPEGSpectral         = "1.2.840.10008.1.2.4.53" // retired, as is the next
	JPEGProgressive      = "1.2.840.10008.1.2.4.55"
	JPEGLossless         = "1.2.840.10008.1.2.4.57"
	JPEGLosslessFirst    = "1.2.840.10008.1.2.4.70" // first-order prediction
	JPEGLS               = "1.2.840.10008.1.2.4.80"
	JPEGLSNear           = "1.2.840.10008.1.2.4.81"
	JPEG2000Lossless     = "1.2.840.10008.1.2.4.90"
	JPEG2000             = "1.2.840.10008.1.2.4.91"
	HTJ2KLossless        = "1.2.840.10008.1.2.4.201"
	HTJ2KLosslessRPCL    = "1.2.840.10008.1.2.4.202"
	HTJ2K                = "1.2.840.10008.1.2.4.203"
)

// Syntax is a transfer syntax and what this build does with it.
type Syntax struct {
	UID   string `json:"uid"`
	Name  string `json:"name"`
	Read  bool   `json:"read"`
	Write bool   `json:"write"`
	Lossy bool   `json:"lossy"` // its samples may have gone through lossy compression
}

// Syntaxes returns the transfer syntaxes that are read or written: none in a
// build without DCMTK. No other is.
func Syntaxes() []Syntax {
	if !available {
		return nil
	}
	return []Syntax{
		{UID: ImplicitLittleEndian, Name: "implicit little endian", Read: true, Write: true},
		{UID: ExplicitLittleEndian, Name: "explicit little endian", Read: true, Write: true},
		{UID: Deflated, Name: "deflated explicit little endian", Read: true, Write: true},
		{UID: ExplicitBigEndian, Name: "explicit big endian", Read: true, Write: true},
		{UID: RLE, Name: "RLE lossless", Read: true, Write: true},
		{UID: JPEGBaseline, Name: "JPEG baseline", Read: true, Lossy: true},
		{UID: JPEGExtended, Name: "JPEG extended, 12 bits", Read: true, Lossy: true},
		{UID: JPEGSpectral, Name: "JPEG spectral selection", Read: true, Lossy: true},
		{UID: JPEGProgressive, Name: "JPEG progressive", Read: true, Lossy: true},
		{UID: JPEGLossless, Name: "JPEG lossless", Read: true, Write: true},
		{UID: JPEGLosslessFirst, Name: "JPEG lossless, first-order prediction", Read: true, Write: true},
		{UID: JPEGLS, Name: "JPEG-LS lossless", Read: true, Write: true},
		{UID: JPEGLSNear, Name: "JPEG-LS near-lossless", Read: true, Lossy: true},
		{UID: JPEG2000Lossless, Name: "JPEG 2000 lossless", Read: true, Write: true},
		{UID: JPEG2000, Name: "JPEG 2000", Read: true, Lossy: true},
		{UID: HTJ2KLossless, Name: "high-throughput JPEG 2000 lossless", Read: true},
		{UID: HTJ2KLosslessRPCL, Name: "high-throughput JPEG 2000 lossless, by resolution", Read: true},
		{UID: HTJ2K, Name: "high-throughput JPEG 2000", Read: true, Lossy: true},
	}
}
