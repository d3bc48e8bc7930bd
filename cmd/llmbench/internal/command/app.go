// Package command has one file a command. A command parses its flags into a
// struct, calls one function and hands what it found to package view, which
// prints documents and tables; questions and lines of progress are printed here.
//
// Exit codes tell the state of what was asked, not of this invocation; see
// codeOf.
package command

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/signal"
	"regexp"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"

	"github.com/hashicorp/go-hclog"
	"github.com/urfave/cli/v3"

	"github.com/llmbench/llmbench/cmd/llmbench/internal/view"
	"github.com/llmbench/llmbench/executors/simulate"
	"github.com/llmbench/llmbench/schema/catalog"
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
	told   sync.Map // the data sets that are said to be read
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
	args, err := changeDir(args)
	if err == nil {
		err = newApp(e).Run(ctx, args)
	}
	code, message := codeOf(err)
	if message != "" {
		fmt.Fprintf(streams.Err, "Error: %s\n", message)
	}
	return code
}

// changeDir does what -chdir=DIR asks for, which stands before the command.
func changeDir(args []string) ([]string, error) {
	if len(args) < 2 {
		return args, nil
	}
	flag, dir, _ := strings.Cut(args[1], "=")
	if flag != "-chdir" && flag != "--chdir" {
		return args, nil
	}
	if dir == "" {
		return nil, errors.New("-chdir=DIR needs a directory")
	}
	if err := os.Chdir(dir); err != nil {
		return nil, fmt.Errorf("-chdir: %w", err)
	}
	return append([]string{args[0]}, args[2:]...), nil
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
			pruneCommand(e), unlockCommand(e), estimateCommand(e), compareCommand(e), prepareCommand(e), doctorCommand(e), catalogCommand(e), importCommand(e), exportCommand(e), reportCommand(e), versionCommand(e), helpCommand(e),
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
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "version", Usage: "print the version"},
			&cli.StringFlag{Name: "chdir", Usage: "change to `DIR` first; write it before the command"},
		},
		Description: appStatus,
	}
	app.ConfigureShellCompletionCommand = func(c *cli.Command) {
		configureCompletion(c)
		app.UsageText = commandList(append(slices.Clone(app.Commands), c))
	}
	for _, c := range app.Commands {
		c.ShellComplete = e.complete
		finish(c)
	}
	cli.FlagStringer = flagHelp
	cli.SubcommandHelpTemplate = app.Command("catalog").CustomHelpTemplate
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

// noNumber matches what it says of a value that is not a number.
var noNumber = regexp.MustCompile(`^invalid value "(.*)" for flag -([^:]+): strconv\.Parse(Int|Uint|Float): `)

// noUnit matches what the flag package says of a duration that is a bare number.
var noUnit = regexp.MustCompile(`^invalid value "([0-9.]+)" for flag -([^:]+): time: missing unit`)

func usageError(_ context.Context, c *cli.Command, err error, _ bool) error {
	name := "llmbench"
	if c.Name != name {
		name += " " + c.Name
	}
	if unknown, ok := strings.CutPrefix(err.Error(), "flag provided but not defined: -"); ok {
		unknown, _, _ = strings.Cut(strings.TrimPrefix(unknown, "-"), "=")
		hint := ""
		if near := strings.TrimLeft(cli.SuggestFlag(c.Flags, unknown, false), "-"); near != "" {
			hint = fmt.Sprintf("; did you mean -%s?", near)
		}
		if name := strings.ReplaceAll(unknown, "-", "_"); slices.Contains(catalog.Load().KnownFlags(), name) {
			hint = fmt.Sprintf(": it is a flag of trtllm-bench; set %s in a benchmark, a row or a matrix of the definitions", name)
		}
		err = fmt.Errorf("there is no flag -%s%s", unknown, hint)
	}
	if m := noUnit.FindStringSubmatch(err.Error()); m != nil {
		err = fmt.Errorf("-%s=%s has no unit: write %[2]ss for seconds or %[2]sm for minutes", m[2], m[1])
	}
	if m := noNumber.FindStringSubmatch(err.Error()); m != nil {
		kind := "a whole number"
		if m[3] == "Float" {
			kind = "a number"
		}
		err = fmt.Errorf("-%s=%s is not %s", m[2], m[1], kind)
	}
	return fmt.Errorf("%w\n%s -help lists the flags", err, name)
}

// A signalContext is cancelled by SIGINT or SIGTERM and remembers by which. A
// second signal ends the process at once.
type signalContext struct {
	context.Context
	caught os.Signal
	// idle says that nothing goes on that would have to be left in order.
	idle atomic.Bool
}

// atOnce lets a signal end the process at once until the returned function is
// called: while it plans or asks there is nothing to leave in order.
func (s *signalContext) atOnce() func() {
	if s == nil {
		return func() {}
	}
	s.idle.Store(true)
	return func() { s.idle.Store(false) }
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
			if s.idle.Load() {
				fmt.Fprintln(os.Stderr, "\nInterrupted.")
				os.Exit(s.code())
			}
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

// confirm asks a question, for an error unless the answer is yes. does and done say what
// happens without asking, and what has not happened. A signal ends the process at once.
func (e *env) confirm(question, does, done string) error {
	if !e.streams.Interactive {
		return fmt.Errorf("there is no terminal to ask on; -auto-approve %s without asking. Nothing was %s", does, done)
	}
	defer e.signal.atOnce()()
	if !e.streams.Confirm(question) {
		return fmt.Errorf("not approved; nothing was %s", done)
	}
	return nil
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

func versionCommand(e *env) *cli.Command {
	return &cli.Command{
		Name: "version", Usage: "print the version",
		Flags:       []cli.Flag{&cli.BoolFlag{Name: "json", Usage: "print JSON"}},
		Description: description([]string{"llmbench version"}, "0  always"),
		Action: func(_ context.Context, c *cli.Command) error {
			return view.Version(e.streams.Out, Version, buildRevision(), c.Bool("json"))
		},
	}
}

// runStandIn is the hidden command trtllm-bench: the simulated stand-in. Like
// the real one under its launcher, only rank 0 does anything.
func (e *env) runStandIn(ctx *signalContext, argv []string) int {
	rank := cmp.Or(e.getenv("SLURM_PROCID"), e.getenv("OMPI_COMM_WORLD_RANK"), e.getenv("PMIX_RANK"))
	if rank != "" && rank != "0" {
		return 0
	}
	stdout, stderr := e.streams.Raw()
	b := simulate.Bench{
		Dir: ".", Stdout: stdout, Stderr: stderr,
		GPU: e.getenv(simulate.EnvGPU), Version: e.getenv(simulate.EnvVersion), Getenv: e.getenv,
	}
	return b.Run(ctx, argv)
}

func (e *env) getenv(name string) string {
	value := ""
	for _, pair := range e.environ {
		if v, ok := strings.CutPrefix(pair, name+"="); ok {
			value = v
		}
	}
	return value
}

const standIn = "trtllm-bench"

// The exit codes of llmbench.
const (
	exitDone        = 0   // all selected runs have their samples
	exitError       = 1   // error; nothing was started
	exitToDo        = 2   // plan -detailed-exitcode: something to do
	exitFailed      = 3   // a selected run failed, is invalid or blocked; compare -gate: a regression; fmt -check: files differ
	exitGoingOn     = 4   // jobs were started and go on
	exitUnsure      = 5   // compare -gate cannot tell
	exitInterrupted = 130 // SIGINT; jobs go on
	exitTerminated  = 143 // SIGTERM; jobs go on
)

// exitStatus ends the process with a code; what there was to say is said.
type exitStatus = view.ExitCode

// errReported is an error that was printed where it happened.
var errReported = exitStatus(exitError)

// codeOf is the exit code for what a command returned, and the message that is
// still to be printed.
func codeOf(err error) (int, string) {
	var status exitStatus
	switch {
	case err == nil:
		return exitDone, ""
	case errors.As(err, &status):
		return int(status), ""
	}
	message := err.Error()
	if file := (*fs.PathError)(nil); errors.As(err, &file) { // without the name of the system call
		message = strings.Replace(message, file.Error(), file.Path+": "+file.Err.Error(), 1)
	}
	return exitError, message
}
