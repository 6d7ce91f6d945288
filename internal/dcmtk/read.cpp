// Reading DICOM by DCMTK: parse a file, and look up its attributes.

#include "dicom.hpp"

#include "dcmtk/dcmdata/dcistrmb.h"
#include "dcmtk/dcmdata/dcrledrg.h"
#include "dcmtk/dcmjpeg/djdecode.h"
#include "dcmtk/dcmjpls/djdecode.h"
#include "dcmtk/oflog/oflog.h"

#include <cstdlib>
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
	if (set->findAndGetUint16(tag, v).good()) {
		return v;
	}
	OFString text; // another VR than US
	if (set->findAndGetOFString(tag, text).good()) {
		long n = std::strtol(text.c_str(), nullptr, 10);
		return n > 0 && n <= 0xffff ? Uint16(n) : 0;
	}
	return 0;
}

namespace {

// Elements longer than this are left aside by DCMTK until asked for, where the file
// is pulled; with a stream over memory all are read at once.
const Uint32 kMaxReadLength = DCM_MaxReadLength;

// What a deflated file may inflate to: far more than a slice needs.
const size_t kMaxInflated = size_t(64) << 20;

// More frames than any scan has.
const size_t kMaxGroups = 20000;

// What a failed parse means. Memory runs out there only for lengths that no
// file has.
jcs_dicom_status unparsed(const OFCondition &c, char *why, size_t why_n)
{
	return say(JCS_DICOM_BROKEN, c == EC_MemoryExhausted ? "it declares more data than it holds" : c.text(), why, why_n);
}

void set_buffer(DcmInputBufferStream &in, const void *bytes, size_t n, bool whole)
{
	in.setBuffer(bytes, static_cast<offile_off_t>(n));
	if (whole) {
		in.setEos();
	}
}

// Collects the functional groups. False where there are too many.
bool collect_groups(jcs_dicom *d)
{
	DcmDataset *set = d->file.getDataset();
	DcmSequenceOfItems *sequence = nullptr;
	if (set->findAndGetSequence(DCM_SharedFunctionalGroupsSequence, sequence).good() && sequence != nullptr && sequence->card() > 0) {
		d->shared = sequence->getItem(0);
	}
	sequence = nullptr;
	if (set->findAndGetSequence(DCM_PerFrameFunctionalGroupsSequence, sequence).bad() || sequence == nullptr) {
		return true;
	}
	if (sequence->card() > kMaxGroups) {
		return false;
	}
	for (DcmObject *o = sequence->nextInContainer(nullptr); o != nullptr; o = sequence->nextInContainer(o)) {
		d->groups.push_back(dynamic_cast<DcmItem *>(o));
	}
	return true;
}

// What a parsed file is like: its transfer syntax, and its frames' groups.
jcs_dicom_status look_over(jcs_dicom *d, char *why, size_t why_n)
{
	d->original = d->file.getDataset()->getOriginalXfer();
	OFString named;
	d->file.getMetaInfo()->findAndGetOFString(DCM_TransferSyntaxUID, named);
	if (!named.empty() && DcmXfer(named.c_str()).getXfer() == EXS_Unknown) {
		d->syntax = named; // DCMTK guessed another
	} else if (d->original != EXS_Unknown) {
		d->syntax = DcmXfer(d->original).getXferID();
	}
	return collect_groups(d) ? JCS_DICOM_OK : say(JCS_DICOM_TOO_LARGE, "number of frames", why, why_n);
}

// Copies an attribute of an item as text.
long text_of(DcmItem *from, const DcmTagKey &tag, char *text, size_t n)
{
	OFString value;
	if (from == nullptr || from->findAndGetOFStringArray(tag, value).bad() || value.length() >= n) {
		return -1;
	}
	std::memcpy(text, value.c_str(), value.length() + 1);
	return static_cast<long>(value.length());
}

long group_text(DcmItem *groups, const DcmTagKey &sequence, const DcmTagKey &tag, char *text, size_t n)
{
	DcmItem *group = nullptr;
	if (groups == nullptr || groups->findAndGetSequenceItem(sequence, group).bad()) {
		return -1;
	}
	return text_of(group, tag, text, n);
}

} // namespace

jcs_dicom_status parse(jcs_dicom *d, const void *bytes, size_t n, char *why, size_t why_n)
{
	if (inflates_beyond(bytes, n, kMaxInflated)) {
		return say(JCS_DICOM_TOO_LARGE, "deflated data set", why, why_n);
	}
	DcmInputBufferStream in;
	set_buffer(in, bytes, n, true);
	d->file.transferInit();
	OFCondition c = d->file.read(in, EXS_Unknown, EGL_noChange, kMaxReadLength);
	d->file.transferEnd();
	if (c.bad()) {
		return unparsed(c, why, why_n);
	}
	return look_over(d, why, why_n);
}

jcs_dicom_status parse_pulled(jcs_dicom *d, uint64_t n, char *why, size_t why_n)
{
	unsigned char start[1 << 12];
	const size_t have = n < sizeof start ? size_t(n) : sizeof start;
	if (!jcs_pull(0, start, have)) {
		return say(JCS_DICOM_FAULT, "no file", why, why_n);
	}
	if (is_deflated(start, have)) {
		return say(JCS_DICOM_BROKEN, "a deflated file of many frames", why, why_n);
	}
	OFCondition c = read_pulled(d->file, n, kMaxReadLength);
	return c.bad() ? unparsed(c, why, why_n) : look_over(d, why, why_n);
}

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
	if (inflates_beyond(bytes, n, kMaxInflated)) {
		return say(JCS_DICOM_TOO_LARGE, "deflated data set", why, why_n);
	}
	DcmInputBufferStream in;
	set_buffer(in, bytes, n, whole != 0);
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
	jcs_dicom_status status = look_over(d.get(), why, why_n);
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
	DcmItem *from = d->file.getDataset();
	if (group == 0x0002) {
		from = d->file.getMetaInfo();
	}
	return text_of(from, DcmTagKey(group, element), text, n);
} catch (...) {
	return -1;
}

uint32_t jcs_dicom_groups(const jcs_dicom *d)
{
	return d->groups.empty() && d->shared != nullptr ? 1 : static_cast<uint32_t>(d->groups.size());
}

long jcs_dicom_group_text(jcs_dicom *d, uint32_t frame, uint16_t sequence_group, uint16_t sequence_element,
	uint16_t group, uint16_t element, char *text, size_t n)
try {
	const DcmTagKey sequence(sequence_group, sequence_element), tag(group, element);
	long length = frame < d->groups.size() ? group_text(d->groups[frame], sequence, tag, text, n) : -1;
	return length >= 0 ? length : group_text(d->shared, sequence, tag, text, n);
} catch (...) {
	return -1;
}

uint32_t jcs_dicom_records(jcs_dicom *d)
try {
	DcmSequenceOfItems *sequence = nullptr;
	if (!d->records.empty() || d->file.getDataset()->findAndGetSequence(DCM_DirectoryRecordSequence, sequence).bad() || sequence == nullptr) {
		return static_cast<uint32_t>(d->records.size());
	}
	for (DcmObject *o = sequence->nextInContainer(nullptr); o != nullptr; o = sequence->nextInContainer(o)) {
		d->records.push_back(dynamic_cast<DcmItem *>(o));
	}
	return static_cast<uint32_t>(d->records.size());
} catch (...) {
	return 0;
}

long jcs_dicom_record_file(jcs_dicom *d, uint32_t i, char *text, size_t n)
try {
	if (i >= d->records.size() || d->records[i] == nullptr) {
		return -1;
	}
	Uint16 in_use = 0xffff; // PS3.3 F.3.2.2: 0 is a record that was taken out
	d->records[i]->findAndGetUint16(DCM_RecordInUseFlag, in_use);
	return in_use == 0 ? -1 : text_of(d->records[i], DCM_ReferencedFileID, text, n);
} catch (...) {
	return -1;
}

const char *jcs_dicom_transfer_syntax(const jcs_dicom *d) { return d->syntax.c_str(); }

void jcs_dicom_free(jcs_dicom *d) { delete d; }

} // extern "C"
