package ct

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"testing"
)

// niftiSpec is a NIfTI file to be written by a test, by the tables of nifti1.h
// and nifti2.h and without the writer of this package.
type niftiSpec struct {
	form         int // 1 or 2
	pair         bool
	big          bool // endian
	kind         niftiType
	dims         []int
	slope, inter float64
	units        int
	qform, sform int
	factor       float64
	sizes        [3]float64
	parts, shift [3]float64
	rows         [3][4]float64
	extension    int       // bytes between header and voxels
	values       []float64 // as stored
}

// plainSpec is a small volume in the order that jcs has, by sform.
func plainSpec() niftiSpec {
	s := niftiSpec{
		form: 1, kind: niftiInt16, dims: []int{34, 35, 3}, slope: 1, units: 2, sform: 1, factor: 1,
		sizes: [3]float64{0.75, 0.5, 2},
		rows:  [3][4]float64{{-0.75, 0, 0, 10}, {0, -0.5, 0, 20}, {0, 0, 2, -30}},
	}
	for i := range 34 * 35 * 3 {
		s.values = append(s.values, float64(i%1900-900))
	}
	return s
}

// head is the header, with voxels from offset on.
func (s niftiSpec) head() []byte {
	var order binary.ByteOrder = binary.LittleEndian
	if s.big {
		order = binary.BigEndian
	}
	mark := map[bool]string{false: "n+", true: "ni"}[s.pair] + fmt.Sprint(s.form) + "\x00"
	offset := s.extension
	float := func(b []byte, at int, v float64) { order.PutUint32(b[at:], math.Float32bits(float32(v))) }
	double := func(b []byte, at int, v float64) { order.PutUint64(b[at:], math.Float64bits(v)) }
	if s.form == 1 {
		b := make([]byte, 352)
		order.PutUint32(b, 348)
		order.PutUint16(b[40:], uint16(len(s.dims)))
		for i, n := range s.dims {
			order.PutUint16(b[42+2*i:], uint16(n))
		}
		order.PutUint16(b[70:], uint16(s.kind))
		order.PutUint16(b[72:], uint16(8*s.kind.bytes()))
		float(b, 76, s.factor)
		if !s.pair {
			offset += 352
		}
		float(b, 108, float64(offset))
		float(b, 112, s.slope)
		float(b, 116, s.inter)
		b[123] = byte(s.units)
		order.PutUint16(b[252:], uint16(s.qform))
		order.PutUint16(b[254:], uint16(s.sform))
		for i := range 3 {
			float(b, 80+4*i, s.sizes[i])
			float(b, 256+4*i, s.parts[i])
			float(b, 268+4*i, s.shift[i])
			for j := range 4 {
				float(b, 280+16*i+4*j, s.rows[i][j])
			}
		}
		copy(b[344:], mark)
		return b
	}
	b := make([]byte, 544)
	order.PutUint32(b, 540)
	copy(b[4:], mark+"\r\n\x1a\n")
	order.PutUint16(b[12:], uint16(s.kind))
	order.PutUint16(b[14:], uint16(8*s.kind.bytes()))
	order.PutUint64(b[16:], uint64(len(s.dims)))
	for i, n := range s.dims {
		order.PutUint64(b[24+8*i:], uint64(n))
	}
	double(b, 104, s.factor)
	if !s.pair {
		offset += 544
	}
	order.PutUint64(b[168:], uint64(offset))
	double(b, 176, s.slope)
	double(b, 184, s.inter)
	order.PutUint32(b[344:], uint32(s.qform))
	order.PutUint32(b[348:], uint32(s.sform))
	order.PutUint32(b[500:], uint32(s.units))
	for i := range 3 {
		double(b, 112+8*i, s.sizes[i])
		double(b, 352+8*i, s.parts[i])
		double(b, 376+8*i, s.shift[i])
		for j := range 4 {
			double(b, 400+32*i+8*j, s.rows[i][j])
		}
	}
	return b
}

// body is the voxels.
func (s niftiSpec) body() []byte {
	var order binary.AppendByteOrder = binary.LittleEndian
	if s.big {
		order = binary.BigEndian
	}
	b := make([]byte, s.extension)
	for _, v := range s.values {
		switch s.kind {
		case niftiUint8:
			b = append(b, uint8(v))
		case niftiInt8:
			b = append(b, byte(int8(v)))
		case niftiInt16:
			b = order.AppendUint16(b, uint16(int16(v)))
		case niftiUint16:
			b = order.AppendUint16(b, uint16(v))
		case niftiInt32:
			b = order.AppendUint32(b, uint32(int32(v)))
		case niftiUint32:
			b = order.AppendUint32(b, uint32(v))
		case niftiFloat32:
			b = order.AppendUint32(b, math.Float32bits(float32(v)))
		case niftiFloat64:
			b = order.AppendUint64(b, math.Float64bits(v))
		case niftiInt64:
			b = order.AppendUint64(b, uint64(int64(v)))
		case niftiUint64:
			b = order.AppendUint64(b, uint64(v))
		}
	}
	return b
}

func (s niftiSpec) file() []byte { return append(s.head(), s.body()...) }

func gzipped(data []byte) []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	z.Write(data)
	z.Close()
	return b.Bytes()
}

// write writes the file into a new folder, with a name that says nothing, and a
// pair as such.
func (s niftiSpec) write(t *testing.T, pack bool) string {
	t.Helper()
	packed := func(b []byte) []byte {
		if pack {
			return gzipped(b)
		}
		return b
	}
	suffix := map[bool]string{true: ".gz"}[pack]
	if !s.pair {
		return filepath.Join(folder(t, map[string][]byte{"volume": packed(s.file())}), "volume")
	}
	return filepath.Join(folder(t, map[string][]byte{"v.1.hdr" + suffix: packed(s.head()), "v.1.img" + suffix: packed(s.body())}), "v.1.hdr"+suffix)
}

func TestNIfTIOfEveryFormAndKindIsReadAlike(t *testing.T) {
	ranges := map[niftiType][2]float64{ // slope and intercept that keep whole HU within the kind
		niftiUint8: {8, -1000}, niftiInt8: {8, 0}, niftiInt16: {1, 0}, niftiUint16: {1, -1000}, niftiInt32: {1, 0},
		niftiUint32: {1, -1000}, niftiInt64: {1, 0}, niftiUint64: {1, -1000}, niftiFloat32: {1, 0}, niftiFloat64: {0.5, 7},
	}
	for kind, r := range ranges {
		for way := range 16 {
			s := plainSpec()
			s.kind, s.slope, s.inter = kind, r[0], r[1]
			s.form, s.big, s.pair = 1+way&1, way&2 != 0, way&4 != 0
			s.extension = 16 * (way & 3)
			want := make([]int16, len(s.values))
			for i := range s.values {
				want[i] = int16(8 * (i%240 - 120))
				s.values[i] = (float64(want[i]) - s.inter) / s.slope
			}
			path := s.write(t, way&8 != 0)
			if way&4 != 0 && way&2 != 0 {
				path = filepath.Dir(path) // the folder with the pair
			}
			in := open(t, path, Options{})
			name := fmt.Sprintf("kind %d, way %d", kind, way)
			if in.Kind != KindNIfTI || in.Len() != 3 || len(in.Warnings) != 0 {
				t.Errorf("%s: %s of %d, %v", name, in.Kind, in.Len(), in.Warnings)
			}
			if !slices.Equal(in.Volume.HU, want) {
				t.Errorf("%s: other voxels", name)
			}
			if in.Volume.Affine != [4][4]float64{{0.75, 0, 0, -10}, {0, 0.5, 0, -20}, {0, 0, 2, -30}, {0, 0, 0, 1}} {
				t.Errorf("%s: affine %v", name, in.Volume.Affine)
			}
		}
	}
}

func TestNIfTIScaling(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	for _, test := range []struct {
		name         string
		kind         niftiType
		slope, inter float64
		stored       float64
		want         int16
	}{
		{"no slope means as it is", niftiInt16, 0, 500, -700, -700},
		{"a slope of NaN means as it is", niftiInt16, nan, 500, -700, -700},
		{"an intercept of NaN means none", niftiInt16, 2, nan, -300, -600},
		{"an infinite slope means as it is", niftiFloat32, inf, 0, -300, -300},
		{"slope and intercept", niftiUint16, 0.5, -1024, 1025, -512},
		{"halves are rounded away from zero", niftiFloat32, 1, 0, -600.5, -601},
		{"a negative slope", niftiInt16, -1, 0, 700, -700},
		{"below air is air", niftiInt32, 1, 0, -100000, Air},
		{"beyond 16 bits is the highest", niftiFloat64, 1, 0, 1e30, math.MaxInt16},
		{"NaN is air", niftiFloat32, 1, 0, nan, Air},
		{"infinity is air", niftiFloat64, 1, 0, inf, Air},
	} {
		s := plainSpec()
		s.kind, s.slope, s.inter = test.kind, test.slope, test.inter
		for i := range s.values {
			s.values[i] = -800
		}
		s.values[17] = test.stored
		in := open(t, s.write(t, false), Options{})
		if got := in.Volume.HU[17]; got != test.want {
			t.Errorf("%s: %d, not %d", test.name, got, test.want)
		}
		missing := slices.ContainsFunc(in.Warnings, func(w Warning) bool { return w.Code == "no_number" })
		if missing != (math.IsNaN(test.stored) || math.IsInf(test.stored, 0)) {
			t.Errorf("%s: warnings %v", test.name, in.Warnings)
		}
	}
}

func TestNIfTIFormsAndUnits(t *testing.T) {
	moved := [3][4]float64{{-0.75, 0, 0, 10}, {0, -0.5, 0, 20}, {0, 0, 2, 70}}
	half := math.Sqrt(0.5)
	for _, test := range []struct {
		name   string
		change func(s *niftiSpec)
		z      float64 // of the first slice
		first  [3]float64
		code   string
	}{
		{"sform alone", func(*niftiSpec) {}, -30, [3]float64{0.75, 0, 0}, ""},
		{"both alike", func(s *niftiSpec) { s.qform = 1 }, -30, [3]float64{0.75, 0, 0}, ""},
		{"the sform wins", func(s *niftiSpec) { s.qform, s.rows = 1, moved }, 70, [3]float64{0.75, 0, 0}, "forms_differ"},
		{"qform alone", func(s *niftiSpec) { s.qform, s.sform, s.rows = 1, 0, moved }, -30, [3]float64{0.75, 0, 0}, ""},
		{"a broken sform beside a qform", func(s *niftiSpec) { s.qform, s.rows = 1, [3][4]float64{} }, -30, [3]float64{0.75, 0, 0}, "broken_sform"},
		{"an sform of NaN beside a qform", func(s *niftiSpec) { s.qform, s.rows[1][1] = 1, math.NaN() }, -30, [3]float64{0.75, 0, 0}, "broken_sform"},
		{"qfac mirrors the third axis", func(s *niftiSpec) { s.qform, s.sform, s.factor = 1, 0, -1 }, -34, [3]float64{0.75, 0, 0}, ""},
		{"a qfac of 0 is 1", func(s *niftiSpec) { s.qform, s.sform, s.factor = 1, 0, 0 }, -30, [3]float64{0.75, 0, 0}, ""},
		{"a quarter turn", func(s *niftiSpec) { s.qform, s.sform, s.parts = 1, 0, [3]float64{0, 0, half} }, -30, [3]float64{0.5, 0, 0}, ""},
		{"metres", func(s *niftiSpec) {
			s.units = 1
			for i := range s.rows {
				for j := range s.rows[i] {
					s.rows[i][j] /= 1000
				}
			}
		}, -30, [3]float64{0.75, 0, 0}, ""},
		{"microns and seconds", func(s *niftiSpec) {
			s.units = 3 | 8
			for i := range s.rows {
				for j := range s.rows[i] {
					s.rows[i][j] *= 1000
				}
			}
		}, -30, [3]float64{0.75, 0, 0}, ""},
		{"no unit is millimetres", func(s *niftiSpec) { s.units = 0 }, -30, [3]float64{0.75, 0, 0}, "no_units"},
		{"a volume of one time", func(s *niftiSpec) { s.dims = append(s.dims, 1, 1) }, -30, [3]float64{0.75, 0, 0}, ""},
	} {
		s := plainSpec()
		s.parts, s.shift = [3]float64{0, 0, 1}, [3]float64{10, 20, -30}
		test.change(&s)
		in := open(t, s.write(t, false), Options{})
		v := in.Volume
		if z := v.Position(0, 0, 0)[2]; math.Abs(z-test.z) > 1e-3 || norm(sub(v.axis(0), test.first)) > 1e-3 || v.axis(2)[2] < 1.99 {
			t.Errorf("%s: affine %v", test.name, v.Affine)
		}
		var codes []string
		for _, w := range in.Warnings {
			codes = append(codes, w.Code)
		}
		if test.code == "" && len(codes) > 0 || test.code != "" && !slices.Contains(codes, test.code) {
			t.Errorf("%s: warnings %v", test.name, codes)
		}
	}
}

// Whatever the order of axes, and whichever form says so, the volume is the same.
func TestEveryOrientationOfANIfTIVolumeIsReadAsTheSameVolume(t *testing.T) {
	want := marked()
	for _, o := range orders() {
		size, hu, affine := stored(want, o)
		var b bytes.Buffer
		if err := WriteNIfTI(&b, &Volume{Columns: size[0], Rows: size[1], Slices: size[2], HU: hu, Affine: affine}); err != nil {
			t.Fatal(err)
		}
		file := b.Bytes()
		for form, at := range map[string]int{"sform": 252, "qform": 254} {
			one := slices.Clone(file)
			one[at] = 0 // the other form's code
			in := open(t, filepath.Join(folder(t, map[string][]byte{"a.nii": one}), "a.nii"), Options{})
			v := in.Volume
			if !slices.Equal(v.HU, want.HU) || v.Columns != want.Columns || v.Rows != want.Rows {
				t.Errorf("%v by %s: other voxels", o, form)
			}
			for corner := range 8 {
				if d := norm(sub(v.placeOf(corner), want.placeOf(corner))); d > 1e-3 {
					t.Errorf("%v by %s: corner %d lies %v mm away", o, form, corner, d)
				}
			}
			if _, _, kept := stored(want, v.Order); !nearAffine(kept, affine) {
				t.Errorf("%v by %s: the stored order is lost", o, form)
			}
		}
	}
}

func TestUnusableNIfTIIsRefused(t *testing.T) {
	bytesOf := func(change func(b []byte)) func(s *niftiSpec) []byte {
		return func(s *niftiSpec) []byte { b := s.file(); change(b); return b }
	}
	spec := func(change func(s *niftiSpec)) func(s *niftiSpec) []byte {
		return func(s *niftiSpec) []byte { change(s); return s.file() }
	}
	for _, test := range []struct {
		name string
		file func(s *niftiSpec) []byte
		code string
		word string
	}{
		{"no form", spec(func(s *niftiSpec) { s.sform = 0 }), "bad_geometry", "left and right would be a guess"},
		{"a form that makes no grid", spec(func(s *niftiSpec) { s.rows[2] = s.rows[1] }), "bad_geometry", "no grid"},
		{"a quaternion that is none", spec(func(s *niftiSpec) { s.sform, s.qform, s.parts = 0, 1, [3]float64{1, 1, 1} }), "bad_geometry", "no grid"},
		{"a voxel without size", spec(func(s *niftiSpec) { s.sform, s.qform, s.sizes[1] = 0, 1, 0 }), "bad_geometry", "no grid"},
		{"three volumes", spec(func(s *niftiSpec) { s.dims = append(s.dims, 3) }), "bad_nifti", "3 volumes"},
		{"a line", spec(func(s *niftiSpec) { s.dims = s.dims[:1] }), "bad_nifti", "no slices"},
		{"an axis of no voxels", spec(func(s *niftiSpec) { s.dims[1] = 0 }), "bad_nifti", "0 voxels along axis 2"},
		{"an axis of -5 voxels", spec(func(s *niftiSpec) { s.dims[1] = -5 }), "bad_nifti", "-5 voxels"},
		{"colours", spec(func(s *niftiSpec) { s.kind = 128 }), "bad_nifti", "colours"},
		{"complex numbers", spec(func(s *niftiSpec) { s.kind = 32 }), "bad_nifti", "complex"},
		{"voxels within the header", bytesOf(func(b []byte) { binary.LittleEndian.PutUint32(b[108:], math.Float32bits(100)) }), "bad_nifti", "begin where they cannot"},
		{"voxels at NaN", bytesOf(func(b []byte) { binary.LittleEndian.PutUint32(b[108:], math.Float32bits(float32(math.NaN()))) }), "bad_nifti", "begin where they cannot"},
		{"voxels far away", bytesOf(func(b []byte) { binary.LittleEndian.PutUint32(b[108:], math.Float32bits(1e9)) }), "bad_nifti", "begin where they cannot"},
		{"cut short", func(s *niftiSpec) []byte { return s.file()[:3000] }, "broken_nifti", "cut short"},
		{"gzip cut short", func(s *niftiSpec) []byte { b := gzipped(s.file()); return b[:len(b)-100] }, "broken_nifti", "cut short"},
		{"gzip with a wrong checksum", func(s *niftiSpec) []byte { b := gzipped(s.file()); b[len(b)-8]++; return b }, "broken_nifti", "broken"},
		{"a header alone", func(s *niftiSpec) []byte { s.pair = true; return s.head() }, "no_voxels", "the folder with both"},
		{"30,000 x 30,000 x 30,000 voxels", spec(func(s *niftiSpec) { s.dims = []int{30000, 30000, 30000} }), "too_large", "million"},
		{"100,000 x 100,000 voxels", func(s *niftiSpec) []byte { s.form, s.dims = 2, []int{100000, 100000, 1}; return s.file() }, "bad_nifti", "100000"},
		{"2^62 voxels along an axis", func(s *niftiSpec) []byte { s.form, s.dims = 2, []int{1 << 62, 4, 4}; return s.file() }, "bad_nifti", "far more than a CT"},
		{"512 MB that are not there", spec(func(s *niftiSpec) { s.dims = []int{512, 512, 1000} }), "broken_nifti", "cut short"},
		{"512 MB in a small gzip", func(s *niftiSpec) []byte { s.dims = []int{512, 512, 1000}; return gzipped(s.file()) }, "gzip_bomb", "500 times"},
		{"oblique slices", spec(func(s *niftiSpec) {
			s.rows[1], s.rows[2] = [4]float64{0, -0.5, 1.5, 0}, [4]float64{0, 0.5, 1.5, 0}
		}), "oblique", "axial"},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := plainSpec()
			data := test.file(&s)
			path := filepath.Join(folder(t, map[string][]byte{"a.nii": data}), "a.nii")
			_, err := Open(t.Context(), path, Options{})
			checkRefusal(t, err, test.code, test.word)
		})
	}
}

func TestFoldersAndZipsWithNIfTI(t *testing.T) {
	s := plainSpec()
	file := gzipped(s.file())
	dir := folder(t, map[string][]byte{"a/v.nii.gz": file, "preview.png": pngOf(40, 40), "notes.txt": []byte("x")})
	in := open(t, dir, Options{})
	if in.Kind != KindNIfTI || len(in.Warnings) != 1 || in.Warnings[0].Code != "pictures_ignored" {
		t.Errorf("%s, %v", in.Kind, in.Warnings)
	}
	in = open(t, zipOf(t, map[string][]byte{"a/v.nii.gz": file}), Options{})
	if in.Kind != KindNIfTI || in.Len() != 3 || len(in.Warnings) != 0 {
		t.Errorf("%s, %v", in.Kind, in.Warnings)
	}
	_, err := Open(t.Context(), folder(t, map[string][]byte{"a.nii.gz": file, "b.nii.gz": file}), Options{})
	checkRefusal(t, err, "several_volumes", "a.nii.gz")
}

func TestNIfTILimitsAreRefusals(t *testing.T) {
	s := plainSpec()
	path := s.write(t, false)
	for _, test := range []struct {
		limits Limits
		code   string
	}{{Limits{Voxels: 34*35*3 - 1}, "too_large"}, {Limits{Slices: 2}, "too_many_slices"}} {
		_, err := Open(t.Context(), path, Options{Limits: test.limits})
		checkRefusal(t, err, test.code)
	}
	var told [][2]int
	open(t, path, Options{Limits: Limits{Voxels: 34 * 35 * 3, Slices: 3}, Progress: func(done, total int) { told = append(told, [2]int{done, total}) }})
	if len(told) == 0 || told[len(told)-1] != [2]int{3, 3} {
		t.Errorf("progress %v", told)
	}
}

// One patient as two files: the smaller has every second slice, means of four
// pixels, other axes, another kind of number, and a slope.
func TestTheSamePatientInTwoNIfTIFilesIsTheSame(t *testing.T) {
	large := openShared(t, "nifti/covid_ricord1a_256x256.nii.gz").Volume
	small := openShared(t, "nifti/covid_ricord1a_128_ras_scaled.nii.gz").Volume
	if large.Columns != 256 || large.Slices != 82 || small.Columns != 128 || small.Slices != 41 {
		t.Fatalf("%d x %d and %d x %d", large.Columns, large.Slices, small.Columns, small.Slices)
	}
	at := func(v *Volume, i, j, k int) float64 { return float64(v.HU[i+v.Columns*(j+v.Rows*k)]) }
	for k := range small.Slices {
		for j := range small.Rows {
			for i := range small.Columns {
				p, q := small.Position(float64(i), float64(j), float64(k)), large.Position(2*float64(i)+0.5, 2*float64(j)+0.5, 2*float64(k))
				if norm(sub(p, q)) > 1e-3 {
					t.Fatalf("voxel %d, %d, %d lies at %v and %v", i, j, k, p, q)
				}
				mean := (at(large, 2*i, 2*j, 2*k) + at(large, 2*i+1, 2*j, 2*k) + at(large, 2*i, 2*j+1, 2*k) + at(large, 2*i+1, 2*j+1, 2*k)) / 4
				if got := at(small, i, j, k); math.Abs(got-mean) > 2 {
					t.Fatalf("voxel %d, %d, %d has %v HU and %v", i, j, k, got, mean)
				}
			}
		}
	}
}
