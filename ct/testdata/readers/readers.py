"""Reads a CT with programs that are not ours and compares it with our reading.

readers.py dicom FOLDER OURS OUT   FOLDER read by dcm2niix with nibabel, which
                                   leaves OUT/volume.nii.gz, and by pydicom with
                                   GDCM's decoders
readers.py frames FOLDER OURS      FOLDER by pydicom alone: dcm2niix reads no
                                   compressed files of many frames
readers.py nifti FILE OURS         FILE read by nibabel

OURS.json holds size and affine of our reading (columns, rows, slices; LPS, mm)
and OURS.raw its Hounsfield units, int16, columns fastest. An affine must be the
same to 1e-3 and each voxel exactly, once both lie in the same order of axes and
values below air are air. Prints a line for each reader; exit status 1 if one
differs.
"""

import json
import os
import subprocess
import sys

import nibabel
import numpy
import pydicom

AIR = -1024
LPS = numpy.diag([-1.0, -1.0, 1.0, 1.0])


def ours(name):
    with open(name + ".json") as f:
        said = json.load(f)
    voxels = numpy.fromfile(name + ".raw", dtype="<i2").reshape(said["size"], order="F")
    return voxels, numpy.array(said["affine"])


def canonical(voxels, affine_lps):
    """Axes nearest to right, anterior, superior."""
    image = nibabel.Nifti1Image(numpy.asarray(voxels, dtype=numpy.float64), LPS @ affine_lps)
    image = nibabel.as_closest_canonical(image)
    values = image.get_fdata()
    rounded = numpy.trunc(values + numpy.copysign(0.5, values))  # halves away from zero
    return numpy.maximum(rounded, AIR), image.affine


def by_nibabel(file):
    image = nibabel.load(file)
    return numpy.nan_to_num(image.get_fdata(), nan=AIR), LPS @ image.affine


def by_dcm2niix(folder, out):
    subprocess.run(["dcm2niix", "-b", "n", "-z", "y", "-f", "volume", "-o", out, folder], check=True, stdout=subprocess.DEVNULL)
    found = [f for f in os.listdir(out) if f.endswith(".nii.gz")]
    if found != ["volume.nii.gz"]:
        sys.exit(f"dcm2niix made {found}")
    return by_nibabel(os.path.join(out, found[0]))


def by_pydicom(folder):
    """By DICOM PS3.3 C.7.6.2.1.1."""
    slices = []
    for name in sorted(os.listdir(folder)):
        try:
            d = pydicom.dcmread(os.path.join(folder, name))
            if "PerFrameFunctionalGroupsSequence" in d:
                slices += frames(d)
                continue
            row, column = numpy.array(d.ImageOrientationPatient, dtype=float).reshape(2, 3)
        except (pydicom.errors.InvalidDicomError, AttributeError):
            continue
        position = numpy.array(d.ImagePositionPatient, dtype=float)
        slices.append((position @ numpy.cross(row, column), position, row, column, d.PixelSpacing, hounsfield(d.pixel_array, d)))
    slices.sort(key=lambda s: s[0])
    first, last = slices[0], slices[-1]
    between_rows, between_columns = (float(v) for v in first[4])
    affine = numpy.eye(4)
    affine[:3, 0] = first[2] * between_columns
    affine[:3, 1] = first[3] * between_rows
    affine[:3, 2] = (last[1] - first[1]) / (len(slices) - 1)
    affine[:3, 3] = first[1]
    return numpy.stack([s[5] for s in slices]).transpose(2, 1, 0), affine


def hounsfield(stored, rescale):
    return stored * float(rescale.RescaleSlope) + float(rescale.RescaleIntercept)


def frames(d):
    """The frames of an enhanced CT by PS3.3 C.7.6.16: their own groups, then the shared ones."""
    found = []
    shared = d.SharedFunctionalGroupsSequence[0]
    for stored, own in zip(d.pixel_array, d.PerFrameFunctionalGroupsSequence, strict=True):
        def group(name):
            return (own if name in own else shared)[name].value[0]
        row, column = numpy.array(group("PlaneOrientationSequence").ImageOrientationPatient, dtype=float).reshape(2, 3)
        position = numpy.array(group("PlanePositionSequence").ImagePositionPatient, dtype=float)
        voxels = hounsfield(stored, group("PixelValueTransformationSequence"))
        found.append((position @ numpy.cross(row, column), position, row, column, group("PixelMeasuresSequence").PixelSpacing, voxels))
    return found


def compare(reader, theirs, own):
    voxels, affine = canonical(*theirs)
    want, want_affine = canonical(*own)
    if voxels.shape != want.shape:
        print(f"{reader}: {voxels.shape} voxels, ours {want.shape}")
        return False
    apart = numpy.abs(affine - want_affine).max()
    differ = int((voxels != want).sum())
    print(f"{reader}: {voxels.shape} voxels, affines {apart:.2g} apart, {differ} voxels differ")
    return apart <= 1e-3 and differ == 0


def main(kind, source, own, *out):
    own = ours(own)
    if kind == "nifti":
        good = [compare("nibabel", by_nibabel(source), own)]
    elif kind == "frames":
        good = [compare("pydicom", by_pydicom(source), own)]
    else:
        good = [compare("dcm2niix", by_dcm2niix(source, out[0]), own), compare("pydicom", by_pydicom(source), own)]
    sys.exit(not all(good))


main(*sys.argv[1:])
