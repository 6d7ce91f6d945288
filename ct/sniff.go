package ct

import (
	"bytes"
	"encoding/binary"
)

// format is what a file's first bytes say it is. Its text fits in a sentence.
type format string

const (
	formatDICOM format = "DICOM"
	formatPNG   format = "PNG"
	formatJPEG  format = "JPEG"
	formatZip   format = "a zip"
	formatGzip  format = "gzip"
	formatNIfTI format = "NIfTI"
	formatGIF   format = "GIF"
	formatBMP   format = "BMP"
	formatTIFF  format = "TIFF"
	formatPDF   format = "PDF"
	formatOther format = "another format"
)

// sniffBytes is how much of a file [sniff] needs.
const sniffBytes = 352

// sniff tells the format by the first bytes, never by the name.
func sniff(head []byte) format {
	begins := func(magic string) bool { return bytes.HasPrefix(head, []byte(magic)) }
	switch {
	case len(head) >= 132 && string(head[128:132]) == "DICM":
		return formatDICOM
	case begins("\x89PNG\r\n\x1a\n"):
		return formatPNG
	case begins("\xff\xd8\xff"):
		return formatJPEG
	case begins("PK\x03\x04"), begins("PK\x05\x06"):
		return formatZip
	case begins("\x1f\x8b"):
		return formatGzip
	case begins("GIF8"):
		return formatGIF
	case begins("BM") && len(head) > 26:
		return formatBMP
	case begins("II*\x00"), begins("MM\x00*"):
		return formatTIFF
	case begins("%PDF-"):
		return formatPDF
	case isNIfTI(head):
		return formatNIfTI
	case bareDICOM(head):
		return formatDICOM
	}
	return formatOther
}

// bareDICOM reports whether the bytes begin a little-endian data set without
// the preamble: an element of group 0002 or 0008 with a plausible length.
func bareDICOM(head []byte) bool {
	if len(head) < 16 {
		return false
	}
	group, element := binary.LittleEndian.Uint16(head), binary.LittleEndian.Uint16(head[2:])
	if (group != 0x0002 && group != 0x0008) || element > 0x0100 {
		return false
	}
	upper := func(b byte) bool { return 'A' <= b && b <= 'Z' }
	if upper(head[4]) && upper(head[5]) {
		return true
	}
	return binary.LittleEndian.Uint32(head[4:]) <= 256
}

// advice says what to do with a format that is known but not read.
func (f format) advice() string {
	switch f {
	case formatGzip:
		return "unpack it first"
	case formatGIF, formatBMP, formatTIFF:
		return "save the slice as an 8-bit PNG"
	case formatPDF:
		return "give the DICOM series that the document was made of"
	case formatZip:
		return "unpack it first"
	}
	return ""
}
