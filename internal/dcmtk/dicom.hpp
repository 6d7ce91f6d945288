// What reading and writing share; only the .cpp files include it.
#ifndef JCS_DICOM_HPP
#define JCS_DICOM_HPP

#include "dicom.h"

#include "dcmtk/config/osconfig.h"
#include "dcmtk/dcmdata/dctk.h"

#include <vector>

struct jcs_dicom {
	DcmFileFormat file;
	E_TransferSyntax original = EXS_Unknown;
	std::vector<unsigned char> bytes; // samples of 8 bits, unpacked
	const void *samples = nullptr;
	size_t samples_n = 0;
};

// Puts a reason where the caller wants it, and returns the status.
jcs_dicom_status say(jcs_dicom_status status, const char *text, char *why, size_t why_n);

// The value of an attribute of VR US, 0 where there is none.
Uint16 number(DcmItem *set, const DcmTagKey &tag);

// Registers the encoders of encode.cpp.
void register_encoders();

// Gives the data set the representation of its pixel data that a transfer
// syntax wants.
jcs_dicom_status encode(DcmDataset *set, E_TransferSyntax syntax, char *why, size_t why_n);

// One frame as a lossless JPEG 2000 code stream.
jcs_dicom_status encode_jpeg2000(DcmDataset *set, const Uint16 *samples, std::vector<unsigned char> &stream, char *why, size_t why_n);

#endif
