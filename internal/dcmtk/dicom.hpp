// What reading and writing share; only the .cpp files include it.
#ifndef JCS_DICOM_HPP
#define JCS_DICOM_HPP

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

#endif
