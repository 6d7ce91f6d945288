// Decoding the frames of a parsed file: check what it declares against what it
// holds, then DCMTK's codecs, and OpenJPEG for JPEG 2000.

#include "dicom.hpp"

#include "dcmtk/dcmdata/dcpixel.h"
#include "dcmtk/dcmdata/dcpixseq.h"
#include "dcmtk/dcmdata/dcpxitem.h"

#include <algorithm>
#include <cstring>
#include <memory>
#include <new>
#include <utility>

namespace {

enum codec { none, native, dcmtk, openjpeg };

// What decodes the pixel data of a file.
codec codec_of(const jcs_dicom *d)
{
	// High-throughput JPEG 2000; DCMTK before 3.6.8 knows nothing of it and
	// parses it as any other encapsulated syntax.
	for (const char *uid : {"1.2.840.10008.1.2.4.201", "1.2.840.10008.1.2.4.202", "1.2.840.10008.1.2.4.203"}) {
		if (d->syntax == uid) {
			return openjpeg;
		}
	}
	if (d->syntax != DcmXfer(d->original).getXferID()) {
		return none; // DCMTK guessed another
	}
	switch (d->original) {
	case EXS_LittleEndianImplicit:
	case EXS_LittleEndianExplicit:
	case EXS_BigEndianExplicit:
	case EXS_DeflatedLittleEndianExplicit:
		return native;
	case EXS_RLELossless:
	case EXS_JPEGProcess1:
	case EXS_JPEGProcess2_4:
	case EXS_JPEGProcess6_8:
	case EXS_JPEGProcess10_12:
	case EXS_JPEGProcess14:
	case EXS_JPEGProcess14SV1:
	case EXS_JPEGLSLossless:
	case EXS_JPEGLSLossy:
		return dcmtk;
	case EXS_JPEG2000LosslessOnly:
	case EXS_JPEG2000:
		return openjpeg;
	default:
		return none;
	}
}

// The bytes of a frame by the header alone, or 0 where that makes no sense.
size_t frame_bytes(DcmDataset *set)
{
	Uint16 bits = number(set, DCM_BitsAllocated);
	size_t samples = number(set, DCM_SamplesPerPixel);
	if ((bits != 8 && bits != 16) || (samples != 1 && samples != 3)) {
		return 0;
	}
	return size_t(number(set, DCM_Rows)) * number(set, DCM_Columns) * samples * (bits / 8);
}

// The number of frames, or 0 where what is there is none.
Uint32 frame_count(DcmDataset *set)
{
	Sint32 frames = 1;
	if (set->tagExists(DCM_NumberOfFrames) && set->findAndGetSint32(DCM_NumberOfFrames, frames).bad()) {
		return 0;
	}
	return frames > 0 ? Uint32(frames) : 0;
}

// The fragments of encapsulated pixel data: item 0 is the offset table.
DcmPixelSequence *fragments_of(DcmPixelData *pixels)
{
	E_TransferSyntax syntax = EXS_Unknown;
	const DcmRepresentationParameter *parameter = nullptr;
	pixels->getOriginalRepresentationKey(syntax, parameter);
	DcmPixelSequence *sequence = nullptr;
	return pixels->getEncapsulatedRepresentation(syntax, parameter, sequence).good() ? sequence : nullptr;
}

// Frees a fragment's bytes where they can be had again.
void let_go(DcmPixelSequence *sequence, Uint32 i)
{
	DcmPixelItem *item = nullptr;
	if (sequence->getItem(item, i).good()) {
		item->compact();
	}
}

// A fragment's bytes; null where it has none.
const unsigned char *fragment(DcmPixelSequence *sequence, Uint32 i, size_t &n)
{
	DcmPixelItem *item = nullptr;
	Uint8 *bytes = nullptr;
	n = 0;
	if (sequence->getItem(item, i).bad() || item->getUint8Array(bytes).bad() || bytes == nullptr) {
		return nullptr;
	}
	n = item->getLength();
	return bytes;
}

// A code stream begins with the markers SOC and SIZ, or with a file's first box.
bool begins_stream(const unsigned char *bytes, size_t n)
{
	static const unsigned char markers[] = {0xff, 0x4f, 0xff, 0x51}, box[] = {0, 0, 0, 12, 'j', 'P', ' ', ' '};
	return bytes != nullptr &&
		((n >= sizeof markers && std::memcmp(bytes, markers, sizeof markers) == 0) ||
		 (n >= sizeof box && std::memcmp(bytes, box, sizeof box) == 0));
}

// Finds which fragments belong to which frame. Each of them begins a code
// stream, so that an offset table is not needed, and a wrong one does no harm.
bool find_frames(jcs_dicom *d, DcmPixelSequence *sequence)
{
	const Uint32 items = Uint32(sequence->card());
	for (Uint32 i = 1; i < items; i++) {
		DcmPixelItem *item = nullptr;
		unsigned char start[8];
		if (sequence->getItem(item, i).bad()) {
			return false;
		}
		const Uint32 n = std::min<Uint32>(item->getLength(), sizeof start);
		if (n > 0 && item->getPartialValue(start, 0, n, &d->cache).good() && begins_stream(start, n) && (i == 1 || d->frames > 1)) {
			d->starts.push_back(i);
		}
	}
	if (d->starts.size() != d->frames || d->starts[0] != 1) {
		return false;
	}
	d->starts.push_back(items);
	return true;
}

jcs_dicom_status jpeg2000_frame(jcs_dicom *d, Uint32 i, char *why, size_t why_n)
{
	DcmPixelSequence *sequence = fragments_of(d->pixels);
	if (sequence == nullptr || sequence->card() < 2) {
		return say(JCS_DICOM_BROKEN, "the pixel data are not encapsulated", why, why_n);
	}
	if (d->starts.empty() && !find_frames(d, sequence)) {
		d->starts.clear();
		return say(JCS_DICOM_BROKEN, "the fragments do not make the declared frames", why, why_n);
	}
	size_t n = 0;
	const unsigned char *stream = fragment(sequence, d->starts[i], n);
	std::vector<unsigned char> joined;
	if (d->starts[i + 1] > d->starts[i] + 1) {
		for (Uint32 k = d->starts[i]; k < d->starts[i + 1]; k++) {
			const unsigned char *part = fragment(sequence, k, n);
			joined.insert(joined.end(), part, part + n);
			let_go(sequence, k);
		}
		stream = joined.data();
		n = joined.size();
	}
	DcmDataset *set = d->file.getDataset();
	const sample_format want{number(set, DCM_Rows), number(set, DCM_Columns), number(set, DCM_SamplesPerPixel),
		size_t(number(set, DCM_BitsAllocated) / 8), number(set, DCM_PixelRepresentation) == 1};
	jcs_dicom_status status = decode_jpeg2000(stream, n, want, d->frame.data(), why, why_n);
	let_go(sequence, d->starts[i]);
	return status;
}

jcs_dicom_status undecoded(const OFCondition &c, char *why, size_t why_n)
{
	return say(c == EC_MemoryExhausted ? JCS_DICOM_MEMORY : JCS_DICOM_BROKEN, c.text(), why, why_n);
}

// Native samples lie in the parsed file already.
jcs_dicom_status native_samples(jcs_dicom *d, char *why, size_t why_n)
{
	OFCondition c;
	if (number(d->file.getDataset(), DCM_BitsAllocated) == 16) {
		Uint16 *words = nullptr;
		c = d->pixels->getUint16Array(words); // in this machine's order
		d->native = reinterpret_cast<const unsigned char *>(words);
	} else {
		Uint8 *bytes = nullptr;
		c = d->pixels->getUint8Array(bytes);
		d->native = bytes;
	}
	if (c.bad() || d->native == nullptr) {
		return say(JCS_DICOM_BROKEN, "pixel data not readable", why, why_n);
	}
	return JCS_DICOM_OK;
}

// Decodes all frames at once where they have not one fragment each: DCMTK's way
// to single frames joins fragments wrongly in RLE.
jcs_dicom_status decode_fragmented(jcs_dicom *d, size_t max, char *why, size_t why_n)
{
	DcmPixelSequence *sequence = fragments_of(d->pixels);
	if (sequence == nullptr || sequence->card() == size_t(d->frames) + 1) {
		return JCS_DICOM_OK;
	}
	if (d->frames > max / d->frame_n) {
		return say(JCS_DICOM_TOO_LARGE, "declared pixels", why, why_n);
	}
	DcmDataset *set = d->file.getDataset();
	OFCondition c = set->chooseRepresentation(EXS_LittleEndianExplicit, nullptr);
	if (c.bad()) {
		return undecoded(c, why, why_n);
	}
	if (frame_bytes(set) != d->frame_n || frame_count(set) != d->frames) { // a decoder may correct the header
		return say(JCS_DICOM_BROKEN, "size changed in decoding", why, why_n);
	}
	if (d->pixels->getLength(EXS_LittleEndianExplicit) / d->frame_n < d->frames) {
		return say(JCS_DICOM_BROKEN, "pixel data cut short", why, why_n);
	}
	return native_samples(d, why, why_n);
}

jcs_dicom_status dcmtk_frame(jcs_dicom *d, Uint32 i, char *why, size_t why_n)
{
	Uint32 start = i == d->next_frame ? d->fragment : 0; // 0: DCMTK looks for it
	OFString colours;
	OFCondition c = d->pixels->getUncompressedFrame(d->file.getDataset(), i, start, d->frame.data(), Uint32(d->frame.size()), colours);
	if (c.bad()) {
		return undecoded(c, why, why_n);
	}
	d->next_frame = i + 1;
	d->fragment = start;
	let_go(fragments_of(d->pixels), i + 1); // frames have one fragment each: see decode_fragmented
	return JCS_DICOM_OK;
}

// A native frame of a file that is pulled.
jcs_dicom_status pulled_frame(jcs_dicom *d, Uint32 i, char *why, size_t why_n)
{
	OFCondition c = d->pixels->getPartialValue(d->frame.data(), Uint32(i * d->frame_n), Uint32(d->frame_n), &d->cache);
	return c.good() ? JCS_DICOM_OK : undecoded(c, why, why_n);
}

jcs_dicom_status decode_frame(jcs_dicom *d, Uint32 i, char *why, size_t why_n)
{
	switch (codec_of(d)) {
	case native:
		return pulled_frame(d, i, why, why_n);
	case openjpeg:
		return jpeg2000_frame(d, i, why, why_n);
	default:
		return dcmtk_frame(d, i, why, why_n);
	}
}

jcs_dicom_status open_image(jcs_dicom *d, size_t max, char *why, size_t why_n)
{
	DcmDataset *set = d->file.getDataset();
	DcmElement *element = nullptr;
	if (set->findAndGetElement(DCM_PixelData, element).bad() || element == nullptr) {
		return say(JCS_DICOM_BROKEN, "no pixel data", why, why_n);
	}
	d->pixels = dynamic_cast<DcmPixelData *>(element);
	if (d->pixels == nullptr) {
		return say(JCS_DICOM_BROKEN, "pixel data of an unknown kind", why, why_n);
	}
	const codec how = codec_of(d);
	if (how == none) {
		return say(JCS_DICOM_UNSUPPORTED, d->syntax.c_str(), why, why_n);
	}
	d->frames = frame_count(set);
	d->frame_n = frame_bytes(set);
	if (d->frames == 0 || d->frame_n == 0) {
		return say(JCS_DICOM_BROKEN, "size, bit depth or number of frames missing or impossible", why, why_n);
	}
	if (d->frame_n > max) {
		return say(JCS_DICOM_TOO_LARGE, "declared pixels", why, why_n);
	}
	const bool encapsulated = fragments_of(d->pixels) != nullptr;
	if (encapsulated == (how == native)) {
		return say(JCS_DICOM_BROKEN, "the pixel data are not as the transfer syntax says", why, why_n);
	}
	if (how == native && d->pixels->getLength() / d->frame_n < d->frames) {
		return say(JCS_DICOM_BROKEN, "pixel data cut short", why, why_n);
	}
	switch (how) {
	case native:
		return d->pulled ? JCS_DICOM_OK : native_samples(d, why, why_n);
	case dcmtk:
		return decode_fragmented(d, max, why, why_n);
	default:
		return JCS_DICOM_OK;
	}
}

// Opens the image of a file that was parsed with that result, and hands it over.
jcs_dicom_status open_parsed(std::unique_ptr<jcs_dicom> d, jcs_dicom_status parsed, size_t max, jcs_dicom **out, char *why, size_t why_n)
{
	jcs_dicom_status status = parsed == JCS_DICOM_OK ? open_image(d.get(), max, why, why_n) : parsed;
	if (status == JCS_DICOM_OK) {
		*out = d.release();
	}
	return status;
}

} // namespace

extern "C" {

jcs_dicom_status jcs_dicom_open(const void *bytes, size_t n, size_t max, jcs_dicom **out, char *why, size_t why_n)
try {
	*out = nullptr;
	std::unique_ptr<jcs_dicom> d(new jcs_dicom);
	jcs_dicom_status parsed = parse(d.get(), bytes, n, why, why_n);
	return open_parsed(std::move(d), parsed, max, out, why, why_n);
} catch (const std::bad_alloc &) {
	return say(JCS_DICOM_MEMORY, "", why, why_n);
} catch (...) {
	return say(JCS_DICOM_BROKEN, "decoder gave up", why, why_n);
}

jcs_dicom_status jcs_dicom_open_pulled(uint64_t n, size_t max, jcs_dicom **out, char *why, size_t why_n)
try {
	*out = nullptr;
	std::unique_ptr<jcs_dicom> d(new jcs_dicom);
	d->pulled = true;
	jcs_dicom_status parsed = parse_pulled(d.get(), n, why, why_n);
	return open_parsed(std::move(d), parsed, max, out, why, why_n);
} catch (const std::bad_alloc &) {
	return say(JCS_DICOM_MEMORY, "", why, why_n);
} catch (...) {
	return say(JCS_DICOM_BROKEN, "decoder gave up", why, why_n);
}

jcs_dicom_status jcs_dicom_frame(jcs_dicom *d, uint32_t i, const void **samples, size_t *n, char *why, size_t why_n)
try {
	if (d->pixels == nullptr || i >= d->frames) {
		return say(JCS_DICOM_FAULT, "no such frame", why, why_n);
	}
	if (d->native != nullptr) {
		*samples = d->native + i * d->frame_n;
		*n = d->frame_n;
		return JCS_DICOM_OK;
	}
	d->frame.resize(d->frame_n + d->frame_n % 2); // DCMTK wants room for a byte of padding
	jcs_dicom_status status = decode_frame(d, i, why, why_n);
	*samples = d->frame.data();
	*n = d->frame_n;
	return status;
} catch (const std::bad_alloc &) {
	return say(JCS_DICOM_MEMORY, "", why, why_n);
} catch (...) {
	return say(JCS_DICOM_BROKEN, "decoder gave up", why, why_n);
}

} // extern "C"
