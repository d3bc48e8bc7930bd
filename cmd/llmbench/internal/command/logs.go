package command

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/urfave/cli/v3"

	"github.com/llmbench/llmbench/cmd/llmbench/internal/view"
	"github.com/llmbench/llmbench/executors/jobdir"
	"github.com/llmbench/llmbench/executors/store"
	"github.com/llmbench/llmbench/plan"
	"github.com/llmbench/llmbench/schema/regular"
)

func logsCommand(e *env) *cli.Command {
	return &cli.Command{
		Name: "logs", Usage: "print a run's output", ArgsUsage: "ADDR [DIR]",
		Flags: append(definitionFlagSet(),
			&cli.StringFlag{Name: "executor", Usage: "select the run on executor `TYPE[.NAME]`"},
			&cli.BoolFlag{Name: "follow", Usage: "follow until the run has ended"},
			&cli.BoolFlag{Name: "job", Usage: "print the batch script's output, where srun reports launches and containers that failed"},
			&cli.IntFlag{Name: "rank", Usage: "print the output of rank `N` instead of rank 0"},
			&cli.BoolFlag{Name: "raw", Usage: "print control characters unchanged, such as colours and cursor movements"},
			&cli.BoolFlag{Name: "stderr", Usage: "print standard error instead of standard output"},
		),
		Description: description([]string{"llmbench logs -executor=simulate use_case=chat examples/llama4-maverick"},
			"0  the output was printed", "1  error, or no such run", "130, 143  interrupted while following"),
		Action: func(ctx context.Context, c *cli.Command) error {
			if c.NArg() < 1 || c.NArg() > 2 {
				return errors.New("llmbench logs takes the address of a run, and the directory if it is not this one")
			}
			rank := c.Int("rank")
			if rank < 0 || rank > 0 && c.Bool("job") {
				return errors.New("-rank takes the number of a rank, 0 or greater. Omit it with -job: the batch script has no ranks")
			}
			return e.runLogs(ctx, definitionsIn(c.Args().Get(1), c), c.Args().First(), c.Bool("follow"), logName(c.Bool("job"), c.Bool("stderr"), rank), c.Bool("raw"))
		},
	}
}

// logName is the file of an attempt that is asked for.
func logName(job, stderr bool, rank int) string {
	name := jobdir.StdoutFile
	switch {
	case job:
		return jobdir.JobOutFile
	case stderr:
		name = jobdir.StderrFile
	}
	if rank > 0 {
		return jobdir.RankFile(name, rank)
	}
	return name
}

func (e *env) runLogs(ctx context.Context, f definitionFlags, address string, follow bool, name string, raw bool) error {
	s, p, err := e.declared(f)
	if err != nil {
		return err
	}
	a, err := s.attemptAt(p, address)
	if err != nil {
		return err
	}
	w := view.Log(e.streams.Out)
	if raw {
		w, _ = e.streams.Raw()
	}
	out := &redactor{w: w, hide: a.Redactor(s.defs.Secrets()...)}
	err = copyLog(ctx, out, a, filepath.Join(a.Dir, name), follow)
	if errors.Is(err, fs.ErrPermission) {
		return fmt.Errorf("%s: %s; `llmbench status`, run by the user who submitted the run, removes the secrets", filepath.Join(a.Dir, name), store.Withheld)
	}
	if err != nil {
		return err
	}
	if err := out.flush(); err != nil {
		return err
	}
	return e.interrupted()
}

// attemptAt is the attempt that speaks for the one run that address matches.
func (s *session) attemptAt(p *plan.Plan, address string) (*store.Attempt, error) {
	found, _ := matching(p.Runs, []string{address}, func(r *plan.Run) string { return r.Address })
	switch len(found) {
	case 0:
		return nil, fmt.Errorf("%s matches no run; `llmbench status` lists the addresses", address)
	case 1:
	default:
		return nil, severalRuns(address, addresses(found))
	}
	k := s.keyOf(found[0])
	if k.Cluster == "" {
		return nil, errors.New("the name of the cluster is not known here, and runs are kept by it: read logs on a login node, or set cluster in the executor")
	}
	samples, err := s.store.Samples(k, found[0].State.Wanted)
	if err != nil {
		return nil, err
	}
	for _, sample := range slices.Backward(samples) {
		if sample.Attempt != nil {
			return sample.Attempt, nil
		}
	}
	return nil, fmt.Errorf("%s has not been started", found[0].Address)
}

// copyLog copies a log, and what is added to it while its attempt goes on.
func copyLog(ctx context.Context, w io.Writer, a *store.Attempt, path string, follow bool) error {
	var at int64
	for {
		ended := true
		if follow {
			state, err := a.State()
			if err != nil {
				return err
			}
			ended = !state.InFlight()
		}
		n, err := copyFrom(w, path, at)
		at += n
		switch {
		case errors.Is(err, os.ErrNotExist) && !ended:
		case errors.Is(err, os.ErrNotExist):
			return fmt.Errorf("%s: the attempt left no such output", path)
		case err != nil:
			return err
		}
		if ended || ctx.Err() != nil {
			return nil
		}
		select {
		case <-ctx.Done():
		case <-time.After(time.Second):
		}
	}
}

func copyFrom(w io.Writer, path string, at int64) (int64, error) {
	f, err := regular.Open(path)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	if _, err := f.Seek(at, io.SeekStart); err != nil {
		return 0, err
	}
	return io.Copy(w, f)
}

// A redactor passes whole lines on without the secrets that they hold.
type redactor struct {
	w    io.Writer
	hide store.Redactor
	rest []byte // a line that has not ended
}

// Write implements io.Writer.
func (r *redactor) Write(b []byte) (int, error) {
	r.rest = append(r.rest, b...)
	end := bytes.LastIndexByte(r.rest, '\n') + 1
	if end == 0 {
		return len(b), nil
	}
	_, err := r.w.Write(r.hide.CleanBytes(r.rest[:end]))
	r.rest = slices.Clone(r.rest[end:])
	return len(b), err
}

// flush writes what stands after the last line's end.
func (r *redactor) flush() error {
	_, err := r.w.Write(r.hide.CleanBytes(r.rest))
	r.rest = nil
	return err
}
