// The whole interface to DCMTK and OpenJPEG, in C. Nothing throws across it; text is ASCII
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

// The versions of the two libraries.
const char *jcs_dicom_version(void);
const char *jcs_dicom_jpeg2000_version(void);

// Parses a file up to its pixel data. whole says that the bytes are all of it;
// if not, the answer may be JCS_DICOM_MORE.
jcs_dicom_status jcs_dicom_header(const void *bytes, size_t n, int whole, jcs_dicom **out, char *why, size_t why_n);

// Parses a whole file whose frames have at most max bytes once they are decoded.
jcs_dicom_status jcs_dicom_open(const void *bytes, size_t n, size_t max, jcs_dicom **out, char *why, size_t why_n);

// The same of a file of n bytes that jcs_pull gives, now and while its frames are
// decoded. Deflated files are broken to it.
jcs_dicom_status jcs_dicom_open_pulled(uint64_t n, size_t max, jcs_dicom **out, char *why, size_t why_n);

// Implemented by the caller: n bytes at an offset of the file, all of which are
// there; 0 where they cannot be had.
extern int jcs_pull(uint64_t offset, void *bytes, size_t n);

// Decodes a frame of an opened file, counted from 0, to native little endian.
// The samples live until the next call. Frames in their order are the fastest.
jcs_dicom_status jcs_dicom_frame(jcs_dicom *d, uint32_t i, const void **samples, size_t *n, char *why, size_t why_n);

// A top-level attribute as text, values separated by backslashes. Returns its
// length, or -1 where it is absent or does not fit.
long jcs_dicom_text(jcs_dicom *d, uint16_t group, uint16_t element, char *text, size_t n);

// How many frames have functional groups: 0 where the file has none.
uint32_t jcs_dicom_groups(const jcs_dicom *d);

// An attribute of a frame's functional group, which the group's sequence names;
// of the shared groups where the frame has none of its own.
long jcs_dicom_group_text(jcs_dicom *d, uint32_t frame, uint16_t sequence_group, uint16_t sequence_element,
	uint16_t group, uint16_t element, char *text, size_t n);

// How many records a DICOMDIR (PS3.3 F.3) has; 0 in other files.
uint32_t jcs_dicom_records(jcs_dicom *d);

// The file that a record in use refers to, its components separated by
// backslashes; -1 where there is none. Records come as they lie in the file: their
// offsets to each other, which may lead in a circle, are not followed.
long jcs_dicom_record_file(jcs_dicom *d, uint32_t i, char *text, size_t n);

// The UID of the transfer syntax that the file was in.
const char *jcs_dicom_transfer_syntax(const jcs_dicom *d);

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
