// Writing DICOM by DCMTK: attributes as text, then the file to memory.

#include "dicom.h"
#include "dicom.hpp"

#include "dcmtk/dcmdata/dcostrmb.h"

#include <cstdlib>
#include <new>

extern "C" {

jcs_dicom *jcs_dicom_new(void)
try {
	return new jcs_dicom;
} catch (...) {
	return nullptr;
}

jcs_dicom_status jcs_dicom_set(jcs_dicom *d, uint16_t group, uint16_t element, const char *text)
try {
	OFCondition c = d->file.getDataset()->putAndInsertString(DcmTag(group, element), text);
	return c.good() ? JCS_DICOM_OK : JCS_DICOM_BROKEN;
} catch (...) {
	return JCS_DICOM_MEMORY;
}

jcs_dicom_status jcs_dicom_set_pixels(jcs_dicom *d, const void *samples, size_t n)
try {
	OFCondition c = d->file.getDataset()->putAndInsertUint16Array(
		DcmTag(DCM_PixelData, EVR_OW), static_cast<const Uint16 *>(samples), n / 2);
	return c.good() ? JCS_DICOM_OK : JCS_DICOM_BROKEN;
} catch (...) {
	return JCS_DICOM_MEMORY;
}

jcs_dicom_status jcs_dicom_write(jcs_dicom *d, void **bytes, size_t *n)
try {
	*bytes = nullptr;
	const E_TransferSyntax syntax = EXS_LittleEndianExplicit;
	if (d->file.validateMetaInfo(syntax).bad()) {
		return JCS_DICOM_BROKEN;
	}
	size_t room = d->file.calcElementLength(syntax, EET_ExplicitLength) + 4096; // preamble and meta header
	void *buffer = std::malloc(room);
	if (buffer == nullptr) {
		return JCS_DICOM_MEMORY;
	}
	DcmOutputBufferStream out(buffer, static_cast<offile_off_t>(room));
	d->file.transferInit();
	OFCondition c = d->file.write(out, syntax, EET_ExplicitLength, nullptr);
	d->file.transferEnd();
	void *start = nullptr;
	offile_off_t written = 0;
	out.flushBuffer(start, written);
	if (c.bad()) {
		std::free(buffer);
		return JCS_DICOM_BROKEN;
	}
	*bytes = buffer;
	*n = static_cast<size_t>(written);
	return JCS_DICOM_OK;
} catch (...) {
	return JCS_DICOM_MEMORY;
}

void jcs_dicom_free_bytes(void *bytes) { std::free(bytes); }

} // extern "C"
