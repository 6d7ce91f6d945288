package phantom

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/jcs-ct/jcs/ct"
	"github.com/jcs-ct/jcs/internal/dcmtk"
)

// TruthFile is the name of the truth beside the slices.
const TruthFile = "truth.json"

func fileName(k int) string { return fmt.Sprintf("slice_%04d.dcm", k+1) }

// Write writes a phantom to the folder dir, which must exist: each slice as a
// CT Image Storage object, explicit little endian, and the truth as JSON.
func Write(ctx context.Context, dir string, v *ct.Volume, t *Truth) error {
	child, err := dcmtk.Start(ctx, dcmtk.Limits{})
	if err != nil {
		return fmt.Errorf("write phantom: %w", err)
	}
	defer child.Close()
	x, y, z, _ := v.SpacingMM()
	for k := range v.Slices {
		file, err := child.WriteCT(&dcmtk.CTImage{
			StudyUID: v.StudyUID, SeriesUID: v.SeriesUID, FrameOfReferenceUID: v.FrameOfReferenceUID,
			InstanceUID: v.Sources[k].InstanceUID,
			PatientName: "Phantom^Chest", PatientID: "PHANTOM",
			StudyDescription: "Synthetic chest", SeriesDescription: "Synthetic lung",
			Manufacturer: "jcs", ConvolutionKernel: "NONE", KVP: 120,
			Time:         time.Date(2020, 1, 1, 12, 0, 0, 0, time.UTC), // the same bytes every time
			SeriesNumber: 1, InstanceNumber: k + 1,
			Rows: v.Rows, Columns: v.Columns, SpacingX: x, SpacingY: y, SliceThickness: z,
			Position: v.Position(0, 0, float64(k)), Orientation: directions(v),
			HU: v.Slice(k),
		})
		if err != nil {
			return fmt.Errorf("write phantom slice %d: %w", k+1, err)
		}
		if err := os.WriteFile(filepath.Join(dir, v.Sources[k].File), file, 0o644); err != nil {
			return fmt.Errorf("write phantom: %w", err)
		}
	}
	text, err := json.MarshalIndent(t, "", "  ")
	if err != nil {
		return fmt.Errorf("write phantom's truth: %w", err)
	}
	if err := os.WriteFile(filepath.Join(dir, TruthFile), append(text, '\n'), 0o644); err != nil {
		return fmt.Errorf("write phantom's truth: %w", err)
	}
	return nil
}

// directions are those of a volume's rows and columns, as Image Orientation.
func directions(v *ct.Volume) [6]float64 {
	x, y := axis(v.Affine, 0), axis(v.Affine, 1)
	x, y = scale(x, 1/norm(x)), scale(y, 1/norm(y))
	return [6]float64{x[0], x[1], x[2], y[0], y[1], y[2]}
}
