// JPEG 2000 by OpenJPEG, which DCMTK has no codec for.

#include "dicom.hpp"

#include <openjpeg.h>

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
