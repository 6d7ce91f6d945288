// Reading DICOM by DCMTK: parse, check the declared size, decode.

#include "dicom.hpp"

#include "dcmtk/dcmdata/dcistrmb.h"
#include "dcmtk/dcmdata/dcpixel.h"
#include "dcmtk/dcmdata/dcrledrg.h"
#include "dcmtk/dcmjpeg/djdecode.h"
#include "dcmtk/dcmjpls/djdecode.h"
#include "dcmtk/oflog/oflog.h"

#include <cstring>
#include <memory>
#include <new>

jcs_dicom_status say(jcs_dicom_status status, const char *text, char *why, size_t why_n)
{
	if (why_n > 0) {
		std::strncpy(why, text, why_n - 1);
		why[why_n - 1] = 0;
	}
	return status;
}

Uint16 number(DcmItem *set, const DcmTagKey &tag)
{
	Uint16 v = 0;
	set->findAndGetUint16(tag, v);
	return v;
}

namespace {

// Elements longer than this are left aside by DCMTK until asked for; with a
// stream over memory all are read at once, so that it has no effect.
const Uint32 kMaxReadLength = DCM_MaxReadLength;

bool memory(const OFCondition &c) { return c == EC_MemoryExhausted; }

// What a failed parse means. Memory runs out there only for lengths that no
// file has.
jcs_dicom_status unparsed(const OFCondition &c, char *why, size_t why_n)
{
	return say(JCS_DICOM_BROKEN, memory(c) ? "it declares more data than it holds" : c.text(), why, why_n);
}

// What a failed decode means.
jcs_dicom_status undecoded(const OFCondition &c, char *why, size_t why_n)
{
	return say(memory(c) ? JCS_DICOM_MEMORY : JCS_DICOM_BROKEN, c.text(), why, why_n);
}

void open(DcmInputBufferStream &in, const void *bytes, size_t n, bool whole)
{
	in.setBuffer(bytes, static_cast<offile_off_t>(n));
	if (whole) {
		in.setEos();
	}
}

const char *syntax_uid(E_TransferSyntax x)
{
	return x == EXS_Unknown ? "" : DcmXfer(x).getXferID();
}

// Transfer syntaxes whose pixel data are not encapsulated, or that a codec
// registered here decodes.
bool decodable(E_TransferSyntax x)
{
	switch (x) {
	case EXS_LittleEndianImplicit:
	case EXS_LittleEndianExplicit:
	case EXS_BigEndianExplicit:
	case EXS_DeflatedLittleEndianExplicit:
	case EXS_RLELossless:
	case EXS_JPEGProcess1:
	case EXS_JPEGProcess2_4:
	case EXS_JPEGProcess6_8:
	case EXS_JPEGProcess10_12:
	case EXS_JPEGProcess14:
	case EXS_JPEGProcess14SV1:
	case EXS_JPEGLSLossless:
	case EXS_JPEGLSLossy:
		return true;
	default:
		return false;
	}
}

// The bytes of all frames by the header alone, or 0 where that makes no sense.
size_t declared(DcmDataset *set)
{
	Sint32 frames = 1;
	if (set->tagExists(DCM_NumberOfFrames) && set->findAndGetSint32(DCM_NumberOfFrames, frames).bad()) {
		return 0;
	}
	Uint16 bits = number(set, DCM_BitsAllocated);
	size_t samples = number(set, DCM_SamplesPerPixel);
	if (frames <= 0 || (bits != 8 && bits != 16) || (samples != 1 && samples != 3)) {
		return 0;
	}
	size_t plane = size_t(number(set, DCM_Rows)) * number(set, DCM_Columns) * samples * (bits / 8);
	return plane > SIZE_MAX / size_t(frames) ? SIZE_MAX : plane * size_t(frames);
}

// The transfer syntax that the file names, where DCMTK knows none of that name;
// it then guesses another.
bool unknown_syntax(jcs_dicom *d, char *why, size_t why_n)
{
	OFString uid;
	if (d->file.getMetaInfo()->findAndGetOFString(DCM_TransferSyntaxUID, uid).bad() || uid.empty() ||
		DcmXfer(uid.c_str()).getXfer() != EXS_Unknown) {
		return false;
	}
	say(JCS_DICOM_UNSUPPORTED, uid.c_str(), why, why_n);
	return true;
}

jcs_dicom_status decode(jcs_dicom *d, size_t max, char *why, size_t why_n)
{
	DcmDataset *set = d->file.getDataset();
	DcmElement *element = nullptr;
	if (set->findAndGetElement(DCM_PixelData, element).bad() || element == nullptr) {
		return say(JCS_DICOM_BROKEN, "no pixel data", why, why_n);
	}
	DcmPixelData *pixels = dynamic_cast<DcmPixelData *>(element);
	if (pixels == nullptr) {
		return say(JCS_DICOM_BROKEN, "pixel data of an unknown kind", why, why_n);
	}
	if (unknown_syntax(d, why, why_n)) {
		return JCS_DICOM_UNSUPPORTED;
	}
	if (!decodable(d->original)) {
		return say(JCS_DICOM_UNSUPPORTED, syntax_uid(d->original), why, why_n);
	}
	size_t want = declared(set);
	if (want == 0) {
		return say(JCS_DICOM_BROKEN, "size, bit depth or number of frames missing or impossible", why, why_n);
	}
	if (want > max) {
		return say(JCS_DICOM_TOO_LARGE, "declared pixels", why, why_n);
	}
	OFCondition c = set->chooseRepresentation(EXS_LittleEndianExplicit, nullptr);
	if (c.bad()) {
		return undecoded(c, why, why_n);
	}
	want = declared(set); // a decoder may correct the header
	if (want == 0 || want > max) {
		return say(JCS_DICOM_BROKEN, "size changed in decoding", why, why_n);
	}
	size_t have = pixels->getLength(EXS_LittleEndianExplicit);
	if (have < want) {
		return say(JCS_DICOM_BROKEN, "pixel data cut short", why, why_n);
	}
	if (number(set, DCM_BitsAllocated) == 16) {
		Uint16 *words = nullptr;
		c = pixels->getUint16Array(words);
		d->samples = words;
	} else {
		Uint8 *bytes = nullptr;
		c = pixels->getUint8Array(bytes);
		d->samples = bytes;
	}
	if (c.bad() || d->samples == nullptr) {
		return say(JCS_DICOM_BROKEN, "pixel data not readable", why, why_n);
	}
	d->samples_n = want;
	return JCS_DICOM_OK;
}

// A deflated data set may be far larger than its file; max bounds it too.
bool inflated_beyond(DcmDataset *set, size_t max)
{
	return set->calcElementLength(EXS_LittleEndianExplicit, EET_ExplicitLength) > max;
}

} // namespace

extern "C" {

jcs_dicom_status jcs_dicom_start(void)
try {
	OFLog::configure(OFLogger::OFF_LOG_LEVEL);
	dcmEnableUnknownVRConversion.set(OFTrue);
	DJDecoderRegistration::registerCodecs();
	DJLSDecoderRegistration::registerCodecs();
	DcmRLEDecoderRegistration::registerCodecs();
	register_encoders();
	return dcmDataDict.isDictionaryLoaded() ? JCS_DICOM_OK : JCS_DICOM_FAULT;
} catch (...) {
	return JCS_DICOM_FAULT;
}

const char *jcs_dicom_version(void) { return OFFIS_DCMTK_VERSION_STRING; }

jcs_dicom_status jcs_dicom_header(const void *bytes, size_t n, int whole, jcs_dicom **out, char *why, size_t why_n)
try {
	*out = nullptr;
	DcmInputBufferStream in;
	open(in, bytes, n, whole != 0);
	std::unique_ptr<jcs_dicom> d(new jcs_dicom);
	d->file.transferInit();
	OFCondition c = d->file.readUntilTag(in, EXS_Unknown, EGL_noChange, kMaxReadLength, DCM_PixelData);
	d->file.transferEnd();
	if (c == EC_StreamNotifyClient && !whole) {
		return JCS_DICOM_MORE;
	}
	if (c.bad()) {
		return unparsed(c, why, why_n);
	}
	d->original = d->file.getDataset()->getOriginalXfer();
	*out = d.release();
	return JCS_DICOM_OK;
} catch (const std::bad_alloc &) {
	return say(JCS_DICOM_MEMORY, "", why, why_n);
} catch (...) {
	return say(JCS_DICOM_BROKEN, "decoder gave up", why, why_n);
}

jcs_dicom_status jcs_dicom_image(const void *bytes, size_t n, size_t max, jcs_dicom **out, char *why, size_t why_n)
try {
	*out = nullptr;
	DcmInputBufferStream in;
	open(in, bytes, n, true);
	std::unique_ptr<jcs_dicom> d(new jcs_dicom);
	d->file.transferInit();
	OFCondition c = d->file.read(in, EXS_Unknown, EGL_noChange, kMaxReadLength);
	d->file.transferEnd();
	if (c.bad()) {
		return unparsed(c, why, why_n);
	}
	d->original = d->file.getDataset()->getOriginalXfer();
	if (d->original == EXS_DeflatedLittleEndianExplicit && inflated_beyond(d->file.getDataset(), max)) {
		return say(JCS_DICOM_TOO_LARGE, "deflated data set", why, why_n);
	}
	jcs_dicom_status status = decode(d.get(), max, why, why_n);
	if (status == JCS_DICOM_OK) {
		*out = d.release();
	}
	return status;
} catch (const std::bad_alloc &) {
	return say(JCS_DICOM_MEMORY, "", why, why_n);
} catch (...) {
	return say(JCS_DICOM_BROKEN, "decoder gave up", why, why_n);
}

long jcs_dicom_text(jcs_dicom *d, uint16_t group, uint16_t element, char *text, size_t n)
try {
	OFString value;
	DcmItem *from = d->file.getDataset();
	if (group == 0x0002) {
		from = d->file.getMetaInfo();
	}
	if (from->findAndGetOFStringArray(DcmTagKey(group, element), value).bad() || value.length() >= n) {
		return -1;
	}
	std::memcpy(text, value.c_str(), value.length() + 1);
	return static_cast<long>(value.length());
} catch (...) {
	return -1;
}

const char *jcs_dicom_transfer_syntax(const jcs_dicom *d) { return syntax_uid(d->original); }

const void *jcs_dicom_samples(const jcs_dicom *d, size_t *n)
{
	*n = d->samples_n;
	return d->samples;
}

void jcs_dicom_free(jcs_dicom *d) { delete d; }

} // extern "C"
