// How far a deflated file inflates, without keeping what comes out: DCMTK parses
// whatever does.

#include "dicom.hpp"

#include <zlib.h>

#include <cstring>
#include <memory>

namespace {

const size_t kMeta = 132; // where the file meta information begins

size_t little_endian(const unsigned char *p, int n)
{
	size_t v = 0;
	for (int i = n - 1; i >= 0; i--) {
		v = v << 8 | p[i];
	}
	return v;
}

// Where the deflated data set begins; 0 where there is none.
size_t deflated_start(const unsigned char *bytes, size_t n)
{
	static const char uid[] = "1.2.840.10008.1.2.1.99";
	if (n < kMeta || std::memcmp(bytes + kMeta - 4, "DICM", 4) != 0) {
		return 0;
	}
	bool deflated = false;
	size_t at = kMeta;
	while (n - at >= 12 && little_endian(bytes + at, 2) == 2) {
		const unsigned char *p = bytes + at;
		const bool is_long = p[4] == 'O' || (p[4] == 'U' && (p[5] == 'N' || p[5] == 'T'));
		const size_t length = is_long ? little_endian(p + 8, 4) : little_endian(p + 6, 2), head = is_long ? 12 : 8;
		if (length > n - at - head) {
			return 0;
		}
		if (little_endian(p + 2, 2) == 0x10) {
			deflated = length >= sizeof uid - 1 && std::memcmp(p + head, uid, sizeof uid - 1) == 0;
		}
		at += head + length;
	}
	return deflated ? at : 0;
}

struct inflater : z_stream {
	inflater() : z_stream() { ok = inflateInit2(this, -MAX_WBITS) == Z_OK; }
	~inflater()
	{
		if (ok) {
			inflateEnd(this);
		}
	}
	bool ok;
};

} // namespace

bool is_deflated(const void *file, size_t n) { return deflated_start(static_cast<const unsigned char *>(file), n) != 0; }

bool inflates_beyond(const void *file, size_t n, size_t max)
{
	const unsigned char *bytes = static_cast<const unsigned char *>(file);
	const size_t start = deflated_start(bytes, n);
	if (start == 0 || n - start > 0xffffffffu) {
		return start != 0;
	}
	inflater z;
	std::unique_ptr<unsigned char[]> out(new unsigned char[1 << 16]);
	z.next_in = const_cast<unsigned char *>(bytes + start);
	z.avail_in = uInt(n - start);
	size_t total = 0;
	int code = z.ok ? Z_OK : Z_MEM_ERROR;
	while (code == Z_OK && total <= max) {
		z.next_out = out.get();
		z.avail_out = 1 << 16;
		code = inflate(&z, Z_NO_FLUSH);
		total += (1 << 16) - z.avail_out;
	}
	return total > max;
}
