package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/alecthomas/kong"
)

// grammar is the command line: its commands and what all of them know.
type grammar struct {
	Quiet bool `help:"No progress on stderr."`

	Diagnose     diagnoseCommand     `cmd:"" help:"The whole way from a CT to a diagnosis."`
	Classify     classifyCommand     `cmd:"" help:"The probability of every slice."`
	Segment      segmentCommand      `cmd:"" help:"The opacities of every slice, as masks."`
	Info         infoCommand         `cmd:"" help:"What is understood of an input."`
	Evaluate     evaluateCommand     `cmd:"" help:"Measure a model on labelled slices."`
	Train        trainCommand        `cmd:"" help:"Train a network."`
	Model        modelCommand        `cmd:"" help:"Models and what they were made of."`
	Phantom      phantomCommand      `cmd:"" help:"A synthetic chest CT with its truth."`
	Capabilities capabilitiesCommand `cmd:"" help:"What this build reads, writes and can do."`
	Bench        benchCommand        `cmd:"" help:"How fast this machine runs the networks."`
	Version      versionCommand      `cmd:"" help:"Versions of the program and its libraries."`
}

const description = `Reads a chest CT and says whether it shows COVID-19 pneumonia, where, how much, and why it thinks so. For research; not a medical device.`

// grace is how long an interrupted command may take to end by itself, unless it
// asks for more.
const grace = 700 * time.Millisecond

// Main runs the program and returns its exit status.
func Main(args []string, stdout, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	g := &grammar{}
	t := &terminal{out: stdout, err: stderr}
	command, status, done := parse(g, args, t)
	if done {
		return status
	}
	t.quiet = g.Quiet
	// A network that is being compiled cannot be interrupted, so after a while
	// the program ends without waiting for it.
	result := make(chan error, 1)
	command.BindTo(ctx, (*context.Context)(nil))
	go func() { result <- command.Run(t) }()
	var err error
	select {
	case err = <-result:
	case <-ctx.Done():
		stop() // a second interrupt kills
		select {
		case err = <-result:
		case <-time.After(t.patience()):
			err = ctx.Err()
		}
	}
	if failed := t.timings.Err(); failed != nil && err == nil {
		t.say("warning: %v", failed)
	}
	t.close(err == nil)
	return t.report(ctx, err)
}

// usageError is a mistake on the command line.
type usageError struct{ err error }

func (e usageError) Error() string { return e.err.Error() }
func (e usageError) Unwrap() error { return e.err }

func usage(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// parse reads the command line. done says that there is nothing to run: help
// was printed, or the line is wrong.
func parse(g *grammar, args []string, t *terminal) (command *kong.Context, status int, done bool) {
	type exit int
	defer func() {
		switch code := recover().(type) {
		case nil:
		case exit:
			status, done = int(code), true
		default:
			panic(code)
		}
	}()
	k, err := kong.New(g,
		kong.Name("jcs"), kong.Description(description),
		kong.Writers(t.out, t.err),
		kong.Exit(func(code int) { panic(exit(code)) }),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, NoExpandSubcommands: true, WrapUpperBound: 90}),
	)
	if err != nil {
		fmt.Fprintln(t.err, "jcs:", err)
		return nil, statusFailed, true
	}
	if len(args) == 0 {
		args = []string{"--help"}
	}
	command, err = k.Parse(args)
	if err != nil {
		fmt.Fprintln(t.err, "jcs:", err)
		var wrong *kong.ParseError
		if errors.As(err, &wrong) && wrong.Context != nil {
			fmt.Fprintf(t.err, "Try: jcs %s\n", strings.TrimSpace(wrong.Context.Command()+" --help"))
		}
		return nil, statusUsage, true
	}
	return command, 0, false
}
