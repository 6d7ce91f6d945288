// The whole interface to DCMTK, in C. Nothing throws across it; text is ASCII
// as found in the file and not to be trusted.
#ifndef JCS_DICOM_H
#define JCS_DICOM_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct jcs_dicom jcs_dicom;

typedef enum {
	JCS_DICOM_OK = 0,
	JCS_DICOM_MORE,        // the header does not end within the bytes given
	JCS_DICOM_BROKEN,      // not DICOM, cut short, or contradictory
	JCS_DICOM_UNSUPPORTED, // a transfer syntax that is not decoded here
	JCS_DICOM_TOO_LARGE,   // more pixels or data than allowed
	JCS_DICOM_MEMORY,
	JCS_DICOM_FAULT        // ours: no data dictionary, say
} jcs_dicom_status;

// Registers the decoders, loads the data dictionary, silences the log.
jcs_dicom_status jcs_dicom_start(void);

const char *jcs_dicom_version(void);

// Parses a file up to its pixel data. whole says that the bytes are all of it;
// if not, the answer may be JCS_DICOM_MORE.
jcs_dicom_status jcs_dicom_header(const void *bytes, size_t n, int whole, jcs_dicom **out, char *why, size_t why_n);

// Parses a whole file and decodes its pixel data to native little endian, of at
// most max bytes.
jcs_dicom_status jcs_dicom_image(const void *bytes, size_t n, size_t max, jcs_dicom **out, char *why, size_t why_n);

// A top-level attribute as text, values separated by backslashes. Returns its
// length, or -1 where it is absent or does not fit.
long jcs_dicom_text(jcs_dicom *d, uint16_t group, uint16_t element, char *text, size_t n);

// The UID of the transfer syntax that the file was in.
const char *jcs_dicom_transfer_syntax(const jcs_dicom *d);

// The decoded samples of an image; they live as long as d.
const void *jcs_dicom_samples(const jcs_dicom *d, size_t *n);

void jcs_dicom_free(jcs_dicom *d);

// Writing: attributes one by one, 16-bit pixels, then the whole file.
jcs_dicom *jcs_dicom_new(void);

// below is the path of a sequence's item that the attribute goes into, which is
// made if needed, such as (5200,9230)[0].(0020,9113)[0]; empty for none.
jcs_dicom_status jcs_dicom_set(jcs_dicom *d, const char *below, uint16_t group, uint16_t element, const char *text);
jcs_dicom_status jcs_dicom_set_pixels(jcs_dicom *d, const void *samples, size_t n);

// The file in the transfer syntax of a UID; JCS_DICOM_UNSUPPORTED where that is
// not written.
jcs_dicom_status jcs_dicom_write(jcs_dicom *d, const char *syntax, void **bytes, size_t *n, char *why, size_t why_n);
void jcs_dicom_free_bytes(void *bytes);

#ifdef __cplusplus
}
#endif
#endif
