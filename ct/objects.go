package ct

import (
	"cmp"
	"maps"
	"slices"
	"strings"
)

// SOP classes (PS3.4, table B.5-1).
const (
	classCT         = "1.2.840.10008.5.1.4.1.1.2"
	classEnhancedCT = "1.2.840.10008.5.1.4.1.1.2.1"
	classLegacyCT   = "1.2.840.10008.5.1.4.1.1.2.2"
	classCapture    = "1.2.840.10008.5.1.4.1.1.7" // and those below it
	classDoseReport = "1.2.840.10008.5.1.4.1.1.88.67"
	classDirectory  = "1.2.840.10008.1.3.10"
)

// objectKind says what a DICOM file is to a reader of chest CT; the higher, the
// nearer to what is wanted.
type objectKind int

const (
	notCT        objectKind = iota
	ctCapture               // a picture of a screen, a dose sheet
	ctScout                 // a localizer
	ctProjection            // made of many slices: a MIP, a rendering
	ctImage
)

// usable reports whether a series of the kind may be read. A single file is
// read as what it is.
func (k objectKind) usable(single bool) bool {
	return k == ctImage || single && k >= ctScout
}

// kind tells CT slices from localizer images and from everything else.
func (o object) kind() objectKind {
	class, modality := o.class(), o.header.Text("Modality")
	if modality == "CT" && (class == classCapture || strings.HasPrefix(class, classCapture+".")) {
		return ctCapture
	}
	switch {
	case modality != "CT" && !(modality == "" && class == classCT):
		return notCT
	case class != "" && class != classCT && !(o.frame > 0 && o.multiFrame()):
		return notCT
	}
	words := o.imageType()
	switch {
	case words["LOCALIZER"]:
		return ctScout
	case words["SCREEN"] && words["SAVE"], words["SCREENSAVE"], words["DOSE"]:
		return ctCapture
	case words["MIP"], words["MINIP"], words["MPMIP"], words["MAXIP"], words["PROJECTION"], words["RENDERED"], words["VRT"], words["VOLREN"], words["SSD"], words["CPR"]:
		return ctProjection
	default:
		return ctImage
	}
}

// imageType returns the words of ImageType (PS3.3 C.8.2.1.1.1). Scanners write
// such as DERIVED\SECONDARY\AXIAL\CT_SOM5 MIP.
func (o object) imageType() map[string]bool {
	words := map[string]bool{}
	for _, w := range strings.FieldsFunc(strings.ToUpper(o.header.Text("ImageType")), func(r rune) bool {
		return r == '\\' || r == ' ' || r == '_'
	}) {
		words[w] = true
	}
	return words
}

func (o object) class() string {
	return cmp.Or(o.header.Text("SOPClassUID"), o.header.Text("MediaStorageSOPClassUID"))
}

// multiFrame reports whether the object is an enhanced CT, which has many frames.
func (o object) multiFrame() bool { return o.class() == classEnhancedCT || o.class() == classLegacyCT }

func (o object) directory() bool { return o.class() == classDirectory }

// refuseOthers says what the DICOM files are, none of which is a CT slice.
func refuseOthers(others []object, single bool) error {
	first := others[0]
	name, modality := first.entry.name, first.header.Text("Modality")
	switch {
	case slices.ContainsFunc(others, object.multiFrame):
		return refuse("multi_frame", "%s is an enhanced multi-frame CT that does not say of each of its frames where it lies: export the series as classic CT images", name)
	case single && modality == "CT":
		return refuse("not_ct", "%s has modality CT but is no CT image (SOP class %s): give the original CT series", name, printableOr(first.class(), "unknown"))
	case single && modality == "":
		return refuse("not_ct", "%s does not say that it is a CT (it names no modality): give a chest CT", name)
	case single:
		return refuse("not_ct", "%s is no CT but %s: give a chest CT", name, modalityName(modality))
	}
	return refuse("not_ct", "none of the %s is a CT slice (they are %s): give a chest CT series", count(len(others), "DICOM file"), modalities(others))
}

// modalities names the modalities of objects.
func modalities(objects []object) string {
	names := map[string]bool{}
	for _, o := range objects {
		names[modalityName(o.header.Text("Modality"))] = true
	}
	return enumerate(slices.Sorted(maps.Keys(names)))
}

// modalityName writes a modality (PS3.3 C.7.3.1.1.1) for a sentence.
func modalityName(modality string) string {
	name := map[string]string{
		"CT": "other CT objects", "MR": "MR", "US": "ultrasound (US)", "CR": "plain X-ray (CR)", "DX": "plain X-ray (DX)",
		"PT": "PET (PT)", "NM": "nuclear medicine (NM)", "XA": "X-ray angiography (XA)", "MG": "mammography (MG)",
		"SR": "a structured report (SR)", "SEG": "a segmentation (SEG)", "OT": "another kind of image (OT)",
		"RTSTRUCT": "RT structures (RTSTRUCT)", "RTPLAN": "an RT plan (RTPLAN)", "RTDOSE": "an RT dose (RTDOSE)",
		"": "objects of unknown modality",
	}[modality]
	return cmp.Or(name, "modality "+printableOr(modality, "unknown"))
}

// printableOr returns text from a file if it is short enough to be shown.
func printableOr(text, otherwise string) string {
	if text == "" || len(text) > 64 {
		return otherwise
	}
	return text
}

// enumerate joins words with commas and a final "and".
func enumerate(parts []string) string {
	if len(parts) < 2 {
		return strings.Join(parts, "")
	}
	return strings.Join(parts[:len(parts)-1], ", ") + " and " + parts[len(parts)-1]
}

// were counts things that something happened to.
func were(n int, noun string) string {
	if n == 1 {
		return count(n, noun) + " was"
	}
	return count(n, noun) + " were"
}
