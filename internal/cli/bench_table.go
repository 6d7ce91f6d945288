package cli

import (
	"fmt"
	"slices"
	"strings"
)

// bench prints what was measured.
func (t *terminal) bench(d benchResult) error {
	runs := [][]string{{"network", "precision", "input", "median", "10 % to 90 %", "fastest", "runs", "GFLOP/s", "of limit"}}
	memory := [][]string{{"memory", "precision", "peak", "arena", "activations", "weights"}}
	missing := [][]string{{"not available", "precision", "why"}}
	for _, r := range d.Runs {
		if r.Unavailable != "" {
			missing = append(missing, []string{r.Network, r.how(), r.Unavailable})
			continue
		}
		runs = append(runs, r.row())
		memory = append(memory, []string{
			r.Network, r.how(), megabytes(r.PeakMemory), megabytes(r.Arena), megabytes(r.Activations), megabytes(r.Weights),
		})
	}
	tables := [][][]string{runs, missing}
	if d.What == benchTraining {
		tables = append(tables, d.stepParts())
	}
	tables = append(tables, memory, d.Limits.rows())
	for _, r := range d.Runs {
		if r.Profile != nil {
			tables = append(tables, r.profileTables()...)
		}
	}
	for _, rows := range tables {
		if len(rows) < 2 { // nothing below its head
			continue
		}
		if err := t.table(rows); err != nil {
			return err
		}
		fmt.Fprintln(t.out)
	}
	unit := "Times are of a slice, in the network alone."
	if d.What == benchTraining {
		unit = "Times are of a slice in a training step, without the making of batches."
	}
	fmt.Fprintln(t.out, unit)
	for _, w := range d.Warnings {
		t.say("warning: %s", w)
	}
	on := []string{d.Processor, d.Engine, d.InstructionSet, fmt.Sprintf("threads: %d", d.Threads), "jcs " + d.Version, d.Date}
	on = slices.DeleteFunc(on, func(s string) bool { return s == "" })
	_, err := fmt.Fprintln(t.out, strings.Join(on, ", "))
	return err
}

func (r benchRun) row() []string {
	share := "-"
	if r.ShareOfLimit > 0 {
		share = fmt.Sprintf("%.0f %%", 100*r.ShareOfLimit)
	}
	return []string{
		r.Network, r.how(), r.input(), inMS(r.MedianMS),
		fmt.Sprintf("%.1f to %.1f", r.Tenth, r.Ninetieth), inMS(r.FastestMS), fmt.Sprint(r.Runs),
		fmt.Sprintf("%.0f", r.GFLOPS), share,
	}
}

// input is what is run at once: 2 x (4 x 224 x 224) of two workers.
func (f *benchFigures) input() string {
	batch := fmt.Sprintf("%d x %d x %d", f.Batch, f.Height, f.Width)
	if f.Workers > 1 {
		return fmt.Sprintf("%d x (%s)", f.Workers, batch)
	}
	return batch
}

// stepParts are what training steps consist of.
func (d benchResult) stepParts() [][]string {
	rows := [][]string{{"step", "precision", "whole", "forward", "loss", "backward", "update"}}
	for _, r := range d.Runs {
		if r.Unavailable == "" {
			rows = append(rows, []string{
				r.Network, r.how(), inMS(r.MedianRunMS), inMS(r.PartsMS["forward"]), inMS(r.PartsMS["loss"]),
				inMS(r.PartsMS["backward"]), inMS(r.PartsMS["update"]),
			})
		}
	}
	return rows
}

func (l benchLimits) rows() [][]string {
	rows := [][]string{{"limit of this processor", "GFLOP/s"}}
	for _, x := range []struct {
		name string
		rate float64
	}{{"f32, direct", l.Float32}, {"f32, Winograd", l.Winograd}, {"bf16, direct", l.BFloat16}, {"bf16, Winograd", l.RoundedWinograd}, {"int8", l.Int8}} {
		if x.rate > 0 {
			rows = append(rows, []string{x.name, fmt.Sprintf("%.0f", x.rate)})
		}
	}
	return rows
}

// profileTables are a run's layers, and their sums by kind and by kernel.
func (r benchRun) profileTables() [][][]string {
	of := r.Network + ", " + r.how()
	layers := [][]string{{of, "kind", "kernel", "ms", "GFLOP/s", "share"}}
	for _, l := range r.Profile.Layers {
		layers = append(layers, append([]string{l.Layer, l.title(), l.Kernel}, l.cells()...))
	}
	kinds := [][]string{{of + ", by kind", "steps", "ms", "GFLOP/s", "share"}}
	for _, l := range r.Profile.Kinds {
		kinds = append(kinds, append([]string{l.title(), fmt.Sprint(l.Steps)}, l.cells()...))
	}
	kernels := [][]string{{of + ", convolutions", "kernel", "steps", "ms", "GFLOP/s", "share"}}
	for _, l := range r.Profile.Kernels {
		kernels = append(kernels, append([]string{l.title(), l.Kernel, fmt.Sprint(l.Steps)}, l.cells()...))
	}
	return [][][]string{layers, kinds, kernels}
}

func (l benchLayer) cells() []string {
	rate := ""
	if l.GFLOPS > 0 {
		rate = fmt.Sprintf("%.0f", l.GFLOPS)
	}
	return []string{fmt.Sprintf("%.3f", l.MS), rate, fmt.Sprintf("%.1f %%", 100*l.Share)}
}

func inMS(ms float64) string { return fmt.Sprintf("%.1f ms", ms) }

func megabytes(bytes int64) string {
	if bytes == 0 {
		return "-"
	}
	return fmt.Sprintf("%.1f MB", float64(bytes)/1e6)
}
