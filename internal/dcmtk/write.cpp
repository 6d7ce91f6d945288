// Writing DICOM by DCMTK: attributes as text, then the file to memory.

#include "dicom.hpp"

#include "dcmtk/dcmdata/dcostrmb.h"
#include "dcmtk/dcmdata/dcpath.h"
#include "dcmtk/dcmdata/dcpixel.h"

#include <cstdlib>
#include <memory>
#include <new>

namespace {

// The item at a path, made where it is not there yet; null where it cannot be.
DcmItem *item_at(DcmDataset *set, const OFString &path)
{
	DcmPathProcessor processor;
	OFList<DcmPath *> found;
	if (processor.findOrCreatePath(set, path, OFTrue).bad() || processor.getResults(found) != 1) {
		return nullptr;
	}
	return dynamic_cast<DcmItem *>(found.front()->back()->m_obj);
}

} // namespace

extern "C" {

jcs_dicom *jcs_dicom_new(void)
try {
	return new jcs_dicom;
} catch (...) {
	return nullptr;
}

jcs_dicom_status jcs_dicom_set(jcs_dicom *d, const char *below, uint16_t group, uint16_t element, const char *text)
try {
	DcmDataset *set = d->file.getDataset();
	DcmItem *item = *below == 0 ? set : item_at(set, below);
	if (item == nullptr) {
		return JCS_DICOM_BROKEN;
	}
	DcmTag tag(group, element);
	if (tag.getEVR() == EVR_xs) { // signed as the samples are
		tag.setVR(number(set, DCM_PixelRepresentation) == 1 ? EVR_SS : EVR_US);
	}
	return item->putAndInsertString(tag, text).good() ? JCS_DICOM_OK : JCS_DICOM_BROKEN;
} catch (...) {
	return JCS_DICOM_MEMORY;
}

jcs_dicom_status jcs_dicom_set_pixels(jcs_dicom *d, const void *samples, size_t n)
try {
	// An element of this class, not of its VR's, is what encoders take.
	std::unique_ptr<DcmPixelData> pixels(new DcmPixelData(DcmTag(DCM_PixelData, EVR_OW)));
	if (pixels->putUint16Array(static_cast<const Uint16 *>(samples), n / 2).bad() ||
		d->file.getDataset()->insert(pixels.get(), OFTrue).bad()) {
		return JCS_DICOM_BROKEN;
	}
	pixels.release();
	return JCS_DICOM_OK;
} catch (...) {
	return JCS_DICOM_MEMORY;
}

jcs_dicom_status jcs_dicom_write(jcs_dicom *d, const char *uid, void **bytes, size_t *n, char *why, size_t why_n)
try {
	*bytes = nullptr;
	const E_TransferSyntax syntax = DcmXfer(uid).getXfer();
	jcs_dicom_status status = encode(d->file.getDataset(), syntax, why, why_n);
	if (status != JCS_DICOM_OK) {
		return status == JCS_DICOM_UNSUPPORTED ? say(status, uid, why, why_n) : status;
	}
	if (d->file.validateMetaInfo(syntax).bad()) {
		return say(JCS_DICOM_BROKEN, "the file meta information cannot be made", why, why_n);
	}
	size_t room = d->file.calcElementLength(syntax, EET_ExplicitLength);
	room += room / 1000 + 4096; // preamble, meta header, and what deflate adds at worst
	void *buffer = std::malloc(room);
	if (buffer == nullptr) {
		return JCS_DICOM_MEMORY;
	}
	DcmOutputBufferStream out(buffer, static_cast<offile_off_t>(room));
	d->file.transferInit();
	OFCondition c = d->file.write(out, syntax, EET_ExplicitLength, nullptr);
	d->file.transferEnd();
	out.flush(); // what the compression filter still holds
	void *start = nullptr;
	offile_off_t written = 0;
	out.flushBuffer(start, written);
	if (c.bad()) {
		std::free(buffer);
		return say(JCS_DICOM_BROKEN, c.text(), why, why_n);
	}
	*bytes = buffer;
	*n = static_cast<size_t>(written);
	return JCS_DICOM_OK;
} catch (...) {
	return JCS_DICOM_MEMORY;
}

void jcs_dicom_free_bytes(void *bytes) { std::free(bytes); }

} // extern "C"
