package findings

import (
	"context"
	"fmt"
	"runtime"

	"golang.org/x/sync/errgroup"

	"github.com/jcs-ct/jcs/ct"
)

// LungsOfVolume finds the lungs in Hounsfield units: aerated regions inside the
// body, without gas and airways, left and right, each closed slice by slice by
// a disc of 12 mm and filled, so that vessels and consolidations at the wall
// stay in. Slices are taken to be axial.
func LungsOfVolume(ctx context.Context, v *ct.Volume) (*Lungs, error) {
	l := newLungs(Of(v))
	hu := make([][]int16, v.Slices)
	air := make(Mask, v.Slices)
	bodies := make([]plane, v.Slices)
	err := l.eachSlice(ctx, func(s int) {
		hu[s] = shrink(l, v.Slice(s))
		bodies[s] = l.body(hu[s], tissueHU)
		air[s] = l.aerated(hu[s], bodies[s], aeratedHU).at
	})
	if err != nil {
		return nil, fmt.Errorf("find the lungs: %w", err)
	}
	l.findMiddle(bodies)
	gas := gasBound(air, hu)
	err = l.eachSlice(ctx, func(s int) { l.dropGas(air[s], hu[s], gas, false) })
	if err != nil {
		return nil, fmt.Errorf("find the lungs: %w", err)
	}
	l.label(air, bodies)
	l.part()
	err = l.eachSlice(ctx, func(s int) { l.closeAt(s, bodies[s]) })
	if err != nil {
		return nil, fmt.Errorf("find the lungs: %w", err)
	}
	l.sum()
	return l, nil
}

// eachSlice calls f for every slice, several at a time.
func (l *Lungs) eachSlice(ctx context.Context, f func(slice int)) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(runtime.GOMAXPROCS(0))
	for s := range l.grid.Slices {
		group.Go(func() error {
			if err := ctx.Err(); err != nil {
				return err
			}
			f(s)
			return nil
		})
	}
	return group.Wait()
}
