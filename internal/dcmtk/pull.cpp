// A file whose bytes are asked for piece by piece, so that neither process holds
// all of it. DCMTK leaves long elements aside and comes back for them.

#include "dicom.hpp"

#include "dcmtk/dcmdata/dcistrma.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <vector>

namespace {

// What is asked for at once: a little where a tag is wanted, and at most what the
// parent gives (maxNeed of protocol.go).
const offile_off_t kPiece = 4 << 10, kMost = 1 << 20;

// Gives the file's bytes from a place on. What cannot be had ends the process, as
// its parent is gone then.
class pull_producer : public DcmProducer {
public:
	pull_producer(offile_off_t size, offile_off_t at) : size_(size), at_(std::min(at, size)) {}
	OFBool good() const override { return OFTrue; }
	OFCondition status() const override { return EC_Normal; }
	OFBool eos() override { return at_ >= size_; }
	offile_off_t avail() override { return size_ - at_; }
	offile_off_t read(void *to, offile_off_t n) override
	{
		n = std::min(n, avail());
		unsigned char *out = static_cast<unsigned char *>(to);
		for (offile_off_t left = n; left > 0;) {
			const offile_off_t direct = std::min(left, kMost);
			if (direct >= kPiece) {
				pull(at_, out, direct);
				out += direct;
				at_ += direct;
				left -= direct;
				continue;
			}
			if (at_ < start_ || at_ >= start_ + offile_off_t(piece_.size())) {
				piece_.resize(size_t(std::min(kPiece, size_ - at_)));
				start_ = at_;
				pull(start_, piece_.data(), offile_off_t(piece_.size()));
			}
			const offile_off_t have = std::min(left, start_ + offile_off_t(piece_.size()) - at_);
			std::memcpy(out, piece_.data() + (at_ - start_), size_t(have));
			out += have;
			at_ += have;
			left -= have;
		}
		return n;
	}
	offile_off_t skip(offile_off_t n) override
	{
		n = std::min(n, avail());
		at_ += n;
		return n;
	}
	void putback(offile_off_t n) override { at_ -= std::min(n, at_); }

private:
	static void pull(offile_off_t at, unsigned char *to, offile_off_t n)
	{
		if (!jcs_pull(uint64_t(at), to, size_t(n))) {
			std::_Exit(1);
		}
	}

	const offile_off_t size_;
	offile_off_t at_, start_ = 0;
	std::vector<unsigned char> piece_; // from start_ on
};

class pull_stream : public DcmInputStream {
public:
	pull_stream(offile_off_t size, offile_off_t at) : DcmInputStream(&producer_), producer_(size, at), size_(size), from_(at) {}
	DcmInputStreamFactory *newFactory() const override;

private:
	pull_producer producer_;
	const offile_off_t size_, from_;
};

class pull_factory : public DcmInputStreamFactory {
public:
	pull_factory(offile_off_t size, offile_off_t at) : size_(size), at_(at) {}
	DcmInputStream *create() const override { return new pull_stream(size_, at_); }
	DcmInputStreamFactory *clone() const override { return new pull_factory(size_, at_); }
	DcmInputStreamFactoryType ident() const override { return DFT_DcmInputFileStreamFactory; } // the nearest there is

private:
	const offile_off_t size_, at_;
};

DcmInputStreamFactory *pull_stream::newFactory() const
{
	// What comes out of a filter has no place in the file.
	return currentProducer() == &producer_ ? new pull_factory(size_, from_ + tell()) : nullptr;
}

} // namespace

OFCondition read_pulled(DcmFileFormat &file, uint64_t size, Uint32 longest)
{
	pull_stream in(static_cast<offile_off_t>(size), 0);
	file.transferInit();
	OFCondition c = file.read(in, EXS_Unknown, EGL_noChange, longest);
	file.transferEnd();
	return c;
}
