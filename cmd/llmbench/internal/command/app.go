package command

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/hashicorp/go-hclog"
	"github.com/urfave/cli/v3"

	"github.com/llmbench/llmbench/cmd/llmbench/internal/view"
)

// Version is llmbench's own version.
const Version = "0.1.0"

// An env is what every command works with.
type env struct {
	streams *view.Streams
	environ []string
	log     hclog.Logger
	// stop is cancelled by the first SIGINT or SIGTERM.
	signal *signalContext
}

// Main runs the command line args, the name of the program first, and returns
// the exit code.
func Main(args []string) int {
	streams := view.Standard()
	ctx, stop := newSignalContext()
	defer stop()
	e := &env{streams: streams, environ: os.Environ(), log: newLogger(streams.Err), signal: ctx}
	if len(args) > 1 && args[1] == standIn {
		return e.runStandIn(ctx, args[2:])
	}
	code, message := codeOf(newApp(e).Run(ctx, args))
	if message != "" {
		fmt.Fprintf(streams.Err, "Error: %s\n", message)
	}
	return code
}

// newLogger writes what LLMBENCH_LOG asks for (trace, debug, info, warn); by
// default nothing but errors.
func newLogger(w io.Writer) hclog.Logger {
	level := hclog.LevelFromString(os.Getenv("LLMBENCH_LOG"))
	if level == hclog.NoLevel {
		level = hclog.Error
	}
	return hclog.New(&hclog.LoggerOptions{Name: "llmbench", Level: level, Output: w})
}

func newApp(e *env) *cli.Command {
	app := &cli.Command{
		Name:        "llmbench",
		Usage:       "plan and apply for LLM inference benchmarks",
		HideVersion: true,
		Commands: []*cli.Command{
			initCommand(e), validateCommand(e), fmtCommand(e),
			planCommand(e), showCommand(e), applyCommand(e),
			statusCommand(e), logsCommand(e), cancelCommand(e), resultsCommand(e),
			unlockCommand(e), estimateCommand(e), compareCommand(e), prepareCommand(e), doctorCommand(e), catalogCommand(e), importCommand(e), reportCommand(e), versionCommand(e), helpCommand(e),
		},
		EnableShellCompletion:         true,
		DisableSliceFlagSeparator:     true,
		Suggest:                       true,
		Writer:                        e.streams.Out,
		ErrWriter:                     e.streams.Err,
		ExitErrHandler:                func(context.Context, *cli.Command, error) {},
		Action:                        e.noCommand,
		OnUsageError:                  usageError,
		CustomRootCommandHelpTemplate: appTemplate,
		Flags:                         []cli.Flag{&cli.BoolFlag{Name: "version", Usage: "print the version"}},
		Description:                   appStatus,
	}
	app.ConfigureShellCompletionCommand = configureCompletion
	for _, c := range app.Commands {
		c.ShellComplete = e.complete
		c.DisableSliceFlagSeparator = true
		c.OnUsageError = usageError
		c.CustomHelpTemplate = helpTemplate
		c.HideHelpCommand = true
	}
	cli.FlagStringer = flagHelp
	cli.SubcommandHelpTemplate = helpTemplate
	return app
}

// noCommand is llmbench without a command that there is.
func (e *env) noCommand(_ context.Context, c *cli.Command) error {
	if c.Bool("version") {
		return view.Version(e.streams.Out, Version, buildRevision(), false)
	}
	if name := c.Args().First(); name != "" {
		if near := cli.SuggestCommand(c.Commands, name); near != "" {
			return fmt.Errorf("there is no command %q; did you mean %q? `llmbench help` lists all", name, near)
		}
		return fmt.Errorf("there is no command %q; `llmbench help` lists all", name)
	}
	return cli.ShowAppHelp(c)
}

func usageError(_ context.Context, c *cli.Command, err error, _ bool) error {
	name := "llmbench"
	if c.Name != name {
		name += " " + c.Name
	}
	return fmt.Errorf("%w\n%s -help lists the flags", err, name)
}

// A signalContext is cancelled by SIGINT or SIGTERM and remembers by which. A
// second signal ends the process at once.
type signalContext struct {
	context.Context
	caught os.Signal
}

func newSignalContext() (*signalContext, func()) {
	ctx, cancel := context.WithCancel(context.Background())
	s := &signalContext{Context: ctx}
	ch := make(chan os.Signal, 2)
	signal.Notify(ch, os.Interrupt, syscall.SIGTERM)
	go func() {
		for sig := range ch {
			if ctx.Err() != nil {
				os.Exit(s.code())
			}
			s.caught = sig
			cancel()
		}
	}()
	return s, func() { signal.Stop(ch); cancel() }
}

// code is the exit code for the signal that was caught.
func (s *signalContext) code() int {
	if s.caught == syscall.SIGTERM {
		return exitTerminated
	}
	return exitInterrupted
}

// interrupted ends a command that follows something when a signal ended it.
func (e *env) interrupted() error {
	if e.signal.Err() == nil {
		return nil
	}
	return exitStatus(e.signal.code())
}

// buildRevision is the commit that this binary was built from, "" if unknown.
func buildRevision() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			return s.Value
		}
	}
	return ""
}
