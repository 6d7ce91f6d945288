// JPEG 2000 by OpenJPEG, high-throughput too; DCMTK has no codec for it.

#include "dicom.hpp"

#include <openjpeg-2.5/openjpeg.h>

#include <algorithm>
#include <cstring>
#include <memory>

namespace {

struct free_codec {
	void operator()(opj_codec_t *c) const { opj_destroy_codec(c); }
};
struct free_stream {
	void operator()(opj_stream_t *s) const { opj_stream_destroy(s); }
};
struct free_image {
	void operator()(opj_image_t *i) const { opj_image_destroy(i); }
};
using codec_ptr = std::unique_ptr<opj_codec_t, free_codec>;
using stream_ptr = std::unique_ptr<opj_stream_t, free_stream>;
using image_ptr = std::unique_ptr<opj_image_t, free_image>;

// Bytes that grow as OpenJPEG writes, which goes back to fill in lengths.
struct sink {
	std::vector<unsigned char> *bytes;
	size_t at = 0;
};

OPJ_SIZE_T put(void *data, OPJ_SIZE_T n, void *user)
try {
	sink *s = static_cast<sink *>(user);
	if (s->bytes->size() < s->at + n) {
		s->bytes->resize(s->at + n);
	}
	std::memcpy(s->bytes->data() + s->at, data, n);
	s->at += n;
	return n;
} catch (...) {
	return OPJ_SIZE_T(-1);
}

OPJ_OFF_T pass(OPJ_OFF_T n, void *user)
try {
	sink *s = static_cast<sink *>(user);
	s->at += size_t(std::max<OPJ_OFF_T>(n, 0));
	if (s->bytes->size() < s->at) {
		s->bytes->resize(s->at);
	}
	return n;
} catch (...) {
	return -1;
}

OPJ_BOOL go_to(OPJ_OFF_T n, void *user)
{
	sink *s = static_cast<sink *>(user);
	if (n < 0 || size_t(n) > s->bytes->size()) {
		return OPJ_FALSE;
	}
	s->at = size_t(n);
	return OPJ_TRUE;
}

// The bytes of a code stream.
struct source {
	const unsigned char *bytes;
	size_t n, at;
};

OPJ_SIZE_T get(void *out, OPJ_SIZE_T n, void *user)
{
	source *s = static_cast<source *>(user);
	n = std::min<OPJ_SIZE_T>(n, s->n - s->at);
	if (n == 0) {
		return OPJ_SIZE_T(-1); // the end
	}
	std::memcpy(out, s->bytes + s->at, n);
	s->at += n;
	return n;
}

OPJ_OFF_T skip(OPJ_OFF_T n, void *user)
{
	source *s = static_cast<source *>(user);
	if (n < 0 || size_t(n) > s->n - s->at) {
		return -1;
	}
	s->at += size_t(n);
	return n;
}

OPJ_BOOL seek(OPJ_OFF_T n, void *user)
{
	source *s = static_cast<source *>(user);
	if (n < 0 || size_t(n) > s->n) {
		return OPJ_FALSE;
	}
	s->at = size_t(n);
	return OPJ_TRUE;
}

// Keeps the first of OpenJPEG's reasons.
void complain(const char *text, void *user)
{
	std::string *reason = static_cast<std::string *>(user);
	if (reason->empty()) {
		reason->assign(text, std::min<size_t>(std::strlen(text), 120));
		while (!reason->empty() && (reason->back() == '\n' || reason->back() == '.')) {
			reason->pop_back();
		}
	}
}

// A file that holds a code stream in boxes is not allowed in DICOM, but there
// are some.
bool boxed(const unsigned char *stream, size_t n)
{
	static const unsigned char box[] = {0, 0, 0, 12, 'j', 'P', ' ', ' '};
	return n > sizeof box && std::memcmp(stream, box, sizeof box) == 0;
}

// Says how an image is not the one that the data set declares; null if it is.
const char *unlike(const opj_image_t *image, const sample_format &want)
{
	if (image->numcomps != want.samples) {
		return "the JPEG 2000 stream has another number of components";
	}
	for (OPJ_UINT32 i = 0; i < image->numcomps; i++) {
		const opj_image_comp_t &c = image->comps[i];
		if (c.dx != 1 || c.dy != 1 || c.w != want.columns || c.h != want.rows) {
			return "the JPEG 2000 stream has another size";
		}
		if (c.prec < 1 || c.prec > 8 * want.bytes) {
			return "the JPEG 2000 stream has more bits a sample";
		}
		if (c.sgnd && !want.is_signed) {
			return "the JPEG 2000 stream is signed where the data set is not";
		}
	}
	return nullptr;
}

// As many wavelet levels as the shorter side has halves, at most OpenJPEG's
// usual five.
int resolutions(size_t rows, size_t columns)
{
	int n = 1;
	for (size_t side = std::min(rows, columns); side > 1 && n < 6; side /= 2) {
		n++;
	}
	return n;
}

} // namespace

jcs_dicom_status decode_jpeg2000(const unsigned char *stream, size_t n, const sample_format &want, unsigned char *out, char *why, size_t why_n)
{
	source in{stream, n, 0};
	std::string reason;
	codec_ptr codec(opj_create_decompress(boxed(stream, n) ? OPJ_CODEC_JP2 : OPJ_CODEC_J2K));
	stream_ptr input(opj_stream_default_create(OPJ_TRUE));
	opj_dparameters_t parameters;
	opj_set_default_decoder_parameters(&parameters);
	if (!codec || !input || !opj_setup_decoder(codec.get(), &parameters)) {
		return say(JCS_DICOM_MEMORY, "", why, why_n);
	}
	opj_set_error_handler(codec.get(), complain, &reason);
	opj_decoder_set_strict_mode(codec.get(), OPJ_TRUE); // a stream that is cut is no image
	opj_stream_set_user_data(input.get(), &in, nullptr);
	opj_stream_set_user_data_length(input.get(), n);
	opj_stream_set_read_function(input.get(), get);
	opj_stream_set_skip_function(input.get(), skip);
	opj_stream_set_seek_function(input.get(), seek);
	opj_image_t *raw = nullptr;
	bool ok = opj_read_header(input.get(), codec.get(), &raw);
	image_ptr image(raw);
	// The size is checked before anything of that size is made.
	const char *other = ok ? unlike(raw, want) : nullptr;
	if (ok && other == nullptr) {
		ok = opj_decode(codec.get(), input.get(), raw);
		other = ok ? unlike(raw, want) : nullptr;
	}
	if (!ok || other != nullptr) {
		return say(JCS_DICOM_BROKEN, ok ? other : ("JPEG 2000: " + reason).c_str(), why, why_n);
	}
	for (size_t c = 0; c < want.samples; c++) {
		const OPJ_INT32 *values = raw->comps[c].data;
		if (values == nullptr) {
			return say(JCS_DICOM_BROKEN, "the JPEG 2000 stream holds no samples", why, why_n);
		}
		unsigned char *to = out + c * want.bytes;
		for (size_t i = 0; i < want.rows * want.columns; i++, to += want.samples * want.bytes) {
			to[0] = static_cast<unsigned char>(values[i]);
			if (want.bytes == 2) {
				to[1] = static_cast<unsigned char>(values[i] >> 8);
			}
		}
	}
	return JCS_DICOM_OK;
}

jcs_dicom_status encode_jpeg2000(DcmDataset *set, const Uint16 *samples, std::vector<unsigned char> &stream, char *why, size_t why_n)
{
	const size_t rows = number(set, DCM_Rows), columns = number(set, DCM_Columns);
	const int bits = number(set, DCM_BitsStored);
	const bool is_signed = number(set, DCM_PixelRepresentation) == 1;
	if (bits < 1 || bits > 16 || rows == 0 || columns == 0 || number(set, DCM_SamplesPerPixel) != 1) {
		return say(JCS_DICOM_BROKEN, "size or bit depth cannot be encoded", why, why_n);
	}
	opj_image_cmptparm_t component;
	std::memset(&component, 0, sizeof component);
	component.dx = component.dy = 1;
	component.w = OPJ_UINT32(columns);
	component.h = OPJ_UINT32(rows);
	component.prec = OPJ_UINT32(bits);
	component.sgnd = is_signed;
	image_ptr image(opj_image_create(1, &component, OPJ_CLRSPC_GRAY));
	if (!image) {
		return say(JCS_DICOM_MEMORY, "", why, why_n);
	}
	image->x1 = component.w;
	image->y1 = component.h;
	const int low = is_signed ? -(1 << (bits - 1)) : 0, high = low + (1 << bits) - 1;
	for (size_t i = 0; i < rows * columns; i++) {
		int v = is_signed ? int(Sint16(samples[i])) : int(samples[i]);
		if (v < low || v > high) {
			return say(JCS_DICOM_BROKEN, "a sample does not fit into BitsStored", why, why_n);
		}
		image->comps[0].data[i] = v;
	}
	opj_cparameters_t parameters;
	opj_set_default_encoder_parameters(&parameters);
	parameters.numresolution = resolutions(rows, columns);
	parameters.tcp_numlayers = 1; // one layer of everything: without loss
	parameters.cp_disto_alloc = 1;
	codec_ptr codec(opj_create_compress(OPJ_CODEC_J2K));
	stream_ptr out(opj_stream_default_create(OPJ_FALSE));
	if (!codec || !out || !opj_setup_encoder(codec.get(), &parameters, image.get())) {
		return say(JCS_DICOM_MEMORY, "", why, why_n);
	}
	stream.clear();
	sink s{&stream};
	opj_stream_set_user_data(out.get(), &s, nullptr);
	opj_stream_set_write_function(out.get(), put);
	opj_stream_set_skip_function(out.get(), pass);
	opj_stream_set_seek_function(out.get(), go_to);
	if (!opj_start_compress(codec.get(), image.get(), out.get()) || !opj_encode(codec.get(), out.get()) ||
		!opj_end_compress(codec.get(), out.get())) {
		return say(JCS_DICOM_BROKEN, "OpenJPEG cannot encode the image", why, why_n);
	}
	if (stream.size() % 2 != 0) {
		stream.push_back(0); // a fragment is of even length
	}
	return JCS_DICOM_OK;
}

extern "C" const char *jcs_dicom_jpeg2000_version(void) { return opj_version(); }
