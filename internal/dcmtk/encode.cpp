// The transfer syntaxes that are written: DCMTK's encoders, and OpenJPEG's for
// JPEG 2000.

#include "dicom.hpp"

#include "dcmtk/dcmdata/dcpixseq.h"
#include "dcmtk/dcmdata/dcpxitem.h"
#include "dcmtk/dcmdata/dcrleerg.h"
#include "dcmtk/dcmdata/dcrlerp.h"
#include "dcmtk/dcmjpeg/djencode.h"
#include "dcmtk/dcmjpeg/djrplol.h"
#include "dcmtk/dcmjpls/djencode.h"
#include "dcmtk/dcmjpls/djrparam.h"

#include <memory>

namespace {

// Any predictor but the first, which is .70's: 6 is DCMTK's choice too.
const int kPredictor = 6;

// Replaces native pixel data by JPEG 2000 code streams, one fragment a frame.
jcs_dicom_status encapsulate_jpeg2000(DcmDataset *set, char *why, size_t why_n)
{
	DcmElement *element = nullptr;
	if (set->findAndGetElement(DCM_PixelData, element).bad()) {
		return JCS_DICOM_OK; // nothing to encode
	}
	DcmPixelData *pixels = dynamic_cast<DcmPixelData *>(element);
	Uint16 *samples = nullptr;
	if (pixels == nullptr || pixels->getUint16Array(samples).bad() || samples == nullptr) {
		return say(JCS_DICOM_BROKEN, "pixel data not readable", why, why_n);
	}
	size_t plane = size_t(number(set, DCM_Rows)) * number(set, DCM_Columns);
	if (plane == 0 || pixels->getLength() % (2 * plane) != 0) {
		return say(JCS_DICOM_BROKEN, "the pixel data are not whole frames", why, why_n);
	}
	std::unique_ptr<DcmPixelSequence> sequence(new DcmPixelSequence(DCM_PixelSequenceTag));
	DcmPixelItem *table = new DcmPixelItem(DCM_PixelItemTag);
	sequence->insert(table);
	DcmOffsetList offsets;
	for (size_t frame = 0; frame < pixels->getLength() / (2 * plane); frame++) {
		std::vector<unsigned char> stream;
		jcs_dicom_status status = encode_jpeg2000(set, samples + frame * plane, stream, why, why_n);
		if (status != JCS_DICOM_OK) {
			return status;
		}
		if (sequence->storeCompressedFrame(offsets, stream.data(), Uint32(stream.size()), 0).bad()) {
			return say(JCS_DICOM_MEMORY, "", why, why_n);
		}
	}
	if (table->createOffsetTable(offsets).bad()) {
		return say(JCS_DICOM_MEMORY, "", why, why_n);
	}
	pixels->putOriginalRepresentation(EXS_JPEG2000LosslessOnly, nullptr, sequence.release());
	return JCS_DICOM_OK;
}

} // namespace

void register_encoders()
{
	DcmRLEEncoderRegistration::registerCodecs();
	DJEncoderRegistration::registerCodecs();
	// Raw encoding keeps every bit of a sample, those above BitsStored too.
	DJLSEncoderRegistration::registerCodecs(0, 0, 0, 0, OFFalse);
}

jcs_dicom_status encode(DcmDataset *set, E_TransferSyntax syntax, char *why, size_t why_n)
{
	DJ_RPLossless jpeg(kPredictor, 0);
	DJ_RPLossless jpeg_first;
	DJLSRepresentationParameter jpeg_ls(0, OFTrue);
	DcmRLERepresentationParameter rle;
	const DcmRepresentationParameter *parameter = nullptr;
	switch (syntax) {
	case EXS_LittleEndianImplicit:
	case EXS_LittleEndianExplicit:
	case EXS_BigEndianExplicit:
	case EXS_DeflatedLittleEndianExplicit:
		return JCS_DICOM_OK;
	case EXS_RLELossless:
		parameter = &rle;
		break;
	case EXS_JPEGProcess14:
		parameter = &jpeg;
		break;
	case EXS_JPEGProcess14SV1:
		parameter = &jpeg_first;
		break;
	case EXS_JPEGLSLossless:
		parameter = &jpeg_ls;
		break;
	case EXS_JPEG2000LosslessOnly:
		return encapsulate_jpeg2000(set, why, why_n);
	default:
		return say(JCS_DICOM_UNSUPPORTED, DcmXfer(syntax).getXferID(), why, why_n);
	}
	if (!set->tagExists(DCM_PixelData)) {
		return JCS_DICOM_OK;
	}
	OFCondition c = set->chooseRepresentation(syntax, parameter);
	if (c.bad() || !set->canWriteXfer(syntax)) {
		return say(JCS_DICOM_BROKEN, c.bad() ? c.text() : "the pixel data cannot be encoded", why, why_n);
	}
	return JCS_DICOM_OK;
}
