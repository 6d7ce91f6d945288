package ct

import (
	"cmp"
	"regexp"
	"strconv"
	"strings"
)

// KernelKind says what a reconstruction kernel is made for.
type KernelKind string

// The kinds of kernels. The empty kind is that of a name not in the table.
const (
	KernelLung  KernelKind = "lung"
	KernelSharp KernelKind = "sharp" // bone and inner ear, by which lungs are seen well too
	KernelSoft  KernelKind = "soft"
)

// kernelNames are the names that stand for themselves: GE's words, Philips'
// letters, and those that Canon and United Imaging share with them.
var kernelNames = map[string]KernelKind{
	"LUNG": KernelLung, "CHEST": KernelLung, "L": KernelLung, "YA": KernelLung, "YB": KernelLung, "YC": KernelLung, "YD": KernelLung, "Y-SHARP": KernelLung,
	"BONE": KernelSharp, "BONEPLUS": KernelSharp, "BONE+": KernelSharp, "EDGE": KernelSharp, "ULTRA": KernelSharp, "D": KernelSharp, "E": KernelSharp, "B_SHARP_C": KernelSharp,
	"STANDARD": KernelSoft, "STND": KernelSoft, "STND+": KernelSoft, "SOFT": KernelSoft, "SMOOTH": KernelSoft, "DETAIL": KernelSoft, "BODY": KernelSoft,
	"A": KernelSoft, "B": KernelSoft, "C": KernelSoft, "B_SOFT_B": KernelSoft, "B_SOFT_C": KernelSoft,
}

var (
	// Siemens: a letter or two for the body part, a number for the sharpness, a
	// letter for the scan mode: B70f, Br64d, I31f, Bl57.
	siemensKernel = regexp.MustCompile(`^(B|BR|BL|BF|BV|I|QR)(\d\d)[A-Z]?$`)
	// Canon (Toshiba): FC and a number.
	canonKernel = regexp.MustCompile(`^FC(\d\d)$`)
)

// siemensSharp is the number from which a body kernel of Siemens shows lungs as
// a lung kernel does: B50, Br54, I50 and above.
const siemensSharp = 50

// kernelKind tells what a ConvolutionKernel (PS3.3 C.8.2.1) is made for. Of
// several values the first counts; the others tell of iterative methods.
func kernelKind(name string) KernelKind {
	name, _, _ = strings.Cut(name, `\`)
	name = strings.ToUpper(strings.TrimSpace(name))
	if kind, ok := kernelNames[name]; ok {
		return kind
	}
	if m := siemensKernel.FindStringSubmatch(name); m != nil {
		n, _ := strconv.Atoi(m[2]) // two digits
		switch {
		case m[1] == "BL" || n >= siemensSharp:
			return KernelLung
		default:
			return KernelSoft
		}
	}
	if m := canonKernel.FindStringSubmatch(name); m != nil {
		n, _ := strconv.Atoi(m[1])
		switch {
		case n >= 50 && n < 60, n >= 80 && n < 90:
			return KernelLung
		case n >= 30 && n < 40:
			return KernelSharp
		case n < 20:
			return KernelSoft
		}
	}
	return ""
}

// compareKernels puts the kind by which lungs are seen better first.
func compareKernels(a, b KernelKind) int {
	rank := map[KernelKind]int{KernelLung: 0, KernelSharp: 1, "": 2, KernelSoft: 3}
	return cmp.Compare(rank[a], rank[b])
}
