package ct

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// SOP classes (PS3.4, table B.5-1).
const (
	classCT         = "1.2.840.10008.5.1.4.1.1.2"
	classEnhancedCT = "1.2.840.10008.5.1.4.1.1.2.1"
	classLegacyCT   = "1.2.840.10008.5.1.4.1.1.2.2"
	classDirectory  = "1.2.840.10008.1.3.10"
)

// chooseSlices returns the slices of the one series that is asked for, or that
// there is, and warns of what it passes over.
func (in *Input) chooseSlices(objects []object, single bool, o Options) ([]*slice, error) {
	var images, scouts, others []object
	for _, ob := range objects {
		switch ob.kind() {
		case ctImage:
			images = append(images, ob)
		case ctScout:
			scouts = append(scouts, ob)
		default:
			others = append(others, ob)
		}
	}
	if len(images) == 0 {
		images, scouts = scouts, nil
	}
	if len(images) == 0 {
		return nil, refuseOthers(others, single)
	}
	chosen, err := oneSeries(images, o.SeriesUID)
	if err != nil {
		return nil, err
	}
	if len(scouts) > 0 {
		in.warn("scouts_ignored", fmt.Sprintf("%s beside the slices not read", were(len(scouts), "localizer image")))
	}
	if others = slices.DeleteFunc(others, object.directory); len(others) > 0 {
		in.warn("objects_ignored", fmt.Sprintf("%s that are no CT slices (%s) not read", were(len(others), "DICOM file"), modalities(others)))
	}
	if len(chosen) > o.Limits.Slices {
		return nil, refuse("too_many_slices", "the series has %d slices, more than the %d that are read: give a part of it", len(chosen), o.Limits.Slices)
	}
	result := make([]*slice, len(chosen))
	for i, ob := range chosen {
		if result[i], err = newSlice(ob); err != nil {
			return nil, err
		}
	}
	return result, nil
}

type objectKind int

const (
	notCT objectKind = iota
	ctImage
	ctScout
)

// kind tells CT slices from localizer images and from everything else.
func (o object) kind() objectKind {
	class, modality := o.class(), o.header.Text("Modality")
	switch {
	case modality != "CT" && !(modality == "" && class == classCT):
		return notCT
	case class != "" && class != classCT:
		return notCT
	case slices.Contains(strings.Split(o.header.Text("ImageType"), `\`), "LOCALIZER"):
		return ctScout
	default:
		return ctImage
	}
}

func (o object) class() string {
	return cmp.Or(o.header.Text("SOPClassUID"), o.header.Text("MediaStorageSOPClassUID"))
}

func (o object) directory() bool { return o.class() == classDirectory }

// refuseOthers says what the DICOM files are, none of which is a CT slice.
func refuseOthers(others []object, single bool) error {
	first := others[0]
	name, modality := first.entry.name, first.header.Text("Modality")
	switch {
	case slices.ContainsFunc(others, func(o object) bool { return o.class() == classEnhancedCT || o.class() == classLegacyCT }):
		return refuse("multi_frame", "%s is an enhanced multi-frame CT, which is not read yet: export the series as classic CT images", name)
	case single && first.directory():
		return refuse("not_ct", "%s is a DICOM directory and holds no image: give the folder it lies in", name)
	case single && modality == "CT":
		return refuse("not_ct", "%s has modality CT but is no CT image (SOP class %s): give the original CT series", name, printableOr(first.class(), "unknown"))
	case single && modality == "":
		return refuse("not_ct", "%s does not say that it is a CT (it names no modality): give a chest CT", name)
	case single:
		return refuse("not_ct", "%s is no CT but %s: give a chest CT", name, modalityName(modality))
	}
	return refuse("not_ct", "none of the %s is a CT slice (they are %s): give a chest CT series", count(len(others), "DICOM file"), modalities(others))
}

// oneSeries returns the objects of one series.
func oneSeries(images []object, uid string) ([]object, error) {
	bySeries := map[string][]object{}
	for _, o := range images {
		s := o.header.Text("SeriesInstanceUID")
		bySeries[s] = append(bySeries[s], o)
	}
	if uid != "" {
		if chosen := bySeries[uid]; len(chosen) > 0 {
			return chosen, nil
		}
		return nil, refuse("no_such_series", "the input has no series %s; it has %s", printableOr(uid, "with that name"), describe(bySeries))
	}
	if len(bySeries) > 1 {
		return nil, refuse("several_series", "the input holds %s, and one is wanted: choose with --series UID among %s", count(len(bySeries), "series"), describe(bySeries))
	}
	return images, nil
}

// maxDescribed is how many series a sentence names.
const maxDescribed = 10

// describe names series by their UIDs, largest first, with nothing of the
// patient.
func describe(bySeries map[string][]object) string {
	uids := slices.SortedFunc(maps.Keys(bySeries), func(a, b string) int {
		return cmp.Or(len(bySeries[b])-len(bySeries[a]), strings.Compare(a, b))
	})
	var parts []string
	for i, uid := range uids {
		if i == maxDescribed {
			parts = append(parts, fmt.Sprintf("%d more", len(uids)-i))
			break
		}
		what := count(len(bySeries[uid]), "slice")
		if t, err := bySeries[uid][0].header.Floats("SliceThickness"); err == nil && len(t) == 1 && t[0] > 0 {
			what += fmt.Sprintf(" of %.4g mm", t[0])
		}
		parts = append(parts, fmt.Sprintf("%s (%s)", printableOr(uid, "one without UID"), what))
	}
	return enumerate(parts)
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
