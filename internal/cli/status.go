package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/jcs-ct/jcs/ct"
	"github.com/jcs-ct/jcs/report"
)

// Exit statuses.
const (
	statusDone        = 0
	statusFailed      = 1
	statusUsage       = 2
	statusRefused     = 3
	statusInterrupted = 130
)

// report says on stderr what went wrong and returns the exit status.
func (t *terminal) report(ctx context.Context, err error) int {
	var (
		wrong    usageError
		occupied *report.OccupiedError
		refused  *ct.Refusal
		part     *partRefusedError
	)
	switch {
	case err == nil:
		return statusDone
	case ctx.Err() != nil:
		fmt.Fprintln(t.err, "jcs: interrupted")
		return statusInterrupted
	case errors.As(err, &part):
		fmt.Fprintln(t.err, "jcs:", part)
		return statusRefused
	case errors.As(err, &refused):
		fmt.Fprintln(t.err, "jcs:", refused)
		return statusRefused
	}
	fmt.Fprintln(t.err, "jcs:", err)
	if errors.As(err, &wrong) || errors.As(err, &occupied) {
		return statusUsage
	}
	return statusFailed
}
