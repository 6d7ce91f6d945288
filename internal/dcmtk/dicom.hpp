// What reading and writing share; only the .cpp files include it.
#ifndef JCS_DICOM_HPP
#define JCS_DICOM_HPP

#include "dicom.h"

#include "dcmtk/config/osconfig.h"
#include "dcmtk/dcmdata/dcfcache.h"
#include "dcmtk/dcmdata/dctk.h"

#include <string>
#include <vector>

struct jcs_dicom {
	DcmFileFormat file;
	E_TransferSyntax original = EXS_Unknown; // that DCMTK took it to be in
	OFString syntax;                         // the UID that it names, or of the former

	// Functional groups (PS3.3 C.7.6.16): the items of all frames in order, and
	// the one that they share.
	std::vector<DcmItem *> groups;
	DcmItem *shared = nullptr;

	std::vector<DcmItem *> records; // of a DICOMDIR, once they were asked for

	// An opened image.
	bool pulled = false; // its bytes are asked for when they are needed
	DcmPixelData *pixels = nullptr;
	Uint32 frames = 0;
	const unsigned char *native = nullptr; // all frames, if they lie decoded in memory
	size_t frame_n = 0;                    // bytes of a decoded frame
	DcmFileCache cache;                    // where a pulled file was last read
	std::vector<unsigned char> frame;      // the last decoded one, and a byte to even
	Uint32 next_frame = 0, fragment = 0;   // where DCMTK goes on
	std::vector<Uint32> starts;            // JPEG 2000: the first fragment of each frame, and the end
};

// Puts a reason where the caller wants it, and returns the status.
jcs_dicom_status say(jcs_dicom_status status, const char *text, char *why, size_t why_n);

// The number from 0 to 65535 that an attribute holds, 0 where there is none.
Uint16 number(DcmItem *set, const DcmTagKey &tag);

// Reads a whole file's attributes.
jcs_dicom_status parse(jcs_dicom *d, const void *bytes, size_t n, char *why, size_t why_n);

// The same of a file of so many bytes that jcs_pull gives.
jcs_dicom_status parse_pulled(jcs_dicom *d, uint64_t n, char *why, size_t why_n);

// Reads a file of so many bytes that jcs_pull gives. Elements longer than the
// longest are left aside until they are asked for.
OFCondition read_pulled(DcmFileFormat &file, uint64_t size, Uint32 longest);

// Whether a deflated file inflates to more than max bytes; false for any other,
// and where it is broken.
bool inflates_beyond(const void *file, size_t n, size_t max);

// Whether a file's first bytes say that it is deflated.
bool is_deflated(const void *file, size_t n);

// Registers the encoders of encode.cpp.
void register_encoders();

// Gives the data set the representation of its pixel data that a transfer
// syntax wants.
jcs_dicom_status encode(DcmDataset *set, E_TransferSyntax syntax, char *why, size_t why_n);

// What an image declares of its samples.
struct sample_format {
	size_t rows, columns, samples, bytes; // bytes of a sample: 1 or 2
	bool is_signed;
};

// Decodes a JPEG 2000 code stream to samples in little endian, interleaved.
jcs_dicom_status decode_jpeg2000(const unsigned char *stream, size_t n, const sample_format &want, unsigned char *out, char *why, size_t why_n);

// One frame as a lossless JPEG 2000 code stream.
jcs_dicom_status encode_jpeg2000(DcmDataset *set, const Uint16 *samples, std::vector<unsigned char> &stream, char *why, size_t why_n);

#endif
