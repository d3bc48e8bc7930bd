package command

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"

	"github.com/google/renameio/v2"
	"github.com/urfave/cli/v3"

	"github.com/llmbench/llmbench/cmd/llmbench/internal/view"
	"github.com/llmbench/llmbench/executors"
	"github.com/llmbench/llmbench/executors/jobdir"
	"github.com/llmbench/llmbench/executors/results"
	"github.com/llmbench/llmbench/executors/store"
	"github.com/llmbench/llmbench/plan"
	"github.com/llmbench/llmbench/plan/document"
	"github.com/llmbench/llmbench/schema/regular"
)

// The results in a bundle: measured, and simulated.
const (
	bundledResults   = "results.json"
	bundledSimulated = "simulated.json"
)

func exportCommand(e *env) *cli.Command {
	return &cli.Command{
		Name: "export", Usage: "write a bundle to share, to compare with, or to attach to a bug report", ArgsUsage: "OUT [ADDR…] [DIR]",
		Flags: append(definitionFlagSet(), &cli.StringFlag{Name: "executor", Usage: "of the runs on executor `TYPE[.NAME]`"}),
		Description: description([]string{"llmbench export -executor=simulate campaign.tar.zst examples/llama4-maverick"},
			"0         the bundle was written", "1         error", "130, 143  interrupted") +
			"\n\nOUT ends in " + store.BundleSuffix + ". It holds the definitions with what is not committed, the plan, the results, the scripts and logs of all attempts, versions, what `doctor -json` says, and the checksum of each. " +
			"Secrets are taken out: sensitive variables and environment, and access tokens. Data sets are left out. `compare` takes a bundle as a side and names what was changed in it; the checksums do not tell who wrote it.",
		Action: func(ctx context.Context, c *cli.Command) error {
			out := c.Args().First()
			if !strings.HasSuffix(out, store.BundleSuffix) {
				return fmt.Errorf("export takes the file to write first, whose name ends in %s: llmbench export campaign%[1]s [ADDR…] [DIR]", store.BundleSuffix)
			}
			if _, err := os.Lstat(out); !errors.Is(err, fs.ErrNotExist) {
				return fmt.Errorf("%s is there already; choose another name or remove it", out)
			}
			addresses, dir := addressesAndDir(c.Args().Tail())
			return e.runExport(ctx, out, definitionsIn(dir, c), addresses)
		},
	}
}

func (e *env) runExport(ctx context.Context, out string, f definitionFlags, addresses []string) error {
	s, p, err := e.declared(f, addresses...)
	if err != nil {
		return err // what is secret is not known either
	}
	file, err := renameio.NewPendingFile(out, renameio.WithPermissions(0o644))
	if err != nil {
		return err
	}
	defer file.Cleanup()
	b, err := store.NewBundle(file, s.defs.Secrets()...)
	if err != nil {
		return err
	}
	for _, add := range []func(context.Context, *store.Bundle, *plan.Plan) error{s.bundleDefinitions, s.bundleDocuments, s.bundleAttempts} {
		if err := add(ctx, b, p); err != nil {
			return err
		}
	}
	if ctx.Err() != nil {
		return exitStatus(e.signal.code())
	}
	if err := b.Close(); err != nil {
		return err
	}
	if err := file.CloseAtomicallyReplace(); err != nil {
		return err
	}
	fmt.Fprintf(e.streams.Out, "Written: %s, with %s. Secrets are taken out; its manifest.json lists the members and what was left out.\n", out, view.Plural(len(p.Runs), "run"))
	return nil
}

// mostDefinition bounds a file of definitions: what is larger is data.
const mostDefinition = 1 << 20

func (s *session) bundleDefinitions(ctx context.Context, b *store.Bundle, _ *plan.Plan) error {
	for _, in := range s.defs.Inputs {
		file := in.Path
		if _, err := os.Stat(file); err != nil {
			file = filepath.Join(s.defs.Dir, in.Path)
		}
		below, err := filepath.Rel(s.defs.Dir, file)
		if err != nil {
			below = file
		}
		name := path.Join("definitions", strings.ReplaceAll(filepath.ToSlash(below), "..", "parent"))
		info, err := os.Stat(file)
		if err == nil && info.Size() > mostDefinition {
			err = fmt.Errorf("it is larger than 1 MiB; its SHA-256 is %s", in.SHA256)
		}
		var text []byte
		if err == nil {
			text, err = regular.Read(file, mostDefinition)
		}
		if err != nil {
			b.LeaveOut(name, err.Error())
			continue
		}
		if err := b.Add(name, s.withoutEarlier(text)); err != nil {
			return err
		}
	}
	diff, err := executors.GitDiff(ctx, s.defs.Dir)
	if err != nil {
		b.LeaveOut("definitions/uncommitted.diff", err.Error())
		return nil
	}
	return b.Add("definitions/uncommitted.diff", s.withoutEarlier(diff))
}

// withoutEarlier takes the values out of assignments to sensitive variables, whatever
// they are: a diff holds those of before.
func (s *session) withoutEarlier(text []byte) []byte {
	sensitive := false
	for _, v := range s.defs.Variables {
		if !v.Sensitive {
			continue
		}
		sensitive = true
		assigned := regexp.MustCompile(`(?m)^([-+ \t]*"?` + regexp.QuoteMeta(v.Name) + `"?[ \t]*[=:]).*$`)
		text = assigned.ReplaceAll(text, []byte(`${1} "(secret)"`))
	}
	if sensitive {
		text = removedDefault.ReplaceAll(text, []byte(`${1} "(secret)"`))
	}
	return text
}

// removedDefault is a default that a diff takes away, of whichever variable.
var removedDefault = regexp.MustCompile(`(?m)^(-[ \t]*default[ \t]*=).*$`)

func (s *session) bundleDocuments(ctx context.Context, b *store.Bundle, p *plan.Plan) error {
	lists, err := s.results(p)
	if err != nil {
		return err
	}
	add := func(name string, write func(io.Writer) error) error {
		var text bytes.Buffer
		return cmp.Or(write(&text), b.Add(name, text.Bytes()))
	}
	err = cmp.Or(
		add("version.json", func(w io.Writer) error { return view.Version(w, Version, buildRevision(), true) }),
		add("plan.json", func(w io.Writer) error { return document.Write(w, p) }))
	for _, set := range lists {
		name := bundledResults
		if view.Simulated(set) {
			name = bundledSimulated
		}
		err = cmp.Or(err, add(name, set.WriteJSON))
	}
	return cmp.Or(err,
		add("doctor.json", func(w io.Writer) error {
			checks, _ := s.doctor(ctx, p)
			return view.ChecksJSON(w, checks)
		}),
		b.Add("host.txt", fmt.Appendf(nil, "%s %s/%s\n", runtime.Version(), runtime.GOOS, runtime.GOARCH)))
}

func (s *session) bundleAttempts(ctx context.Context, b *store.Bundle, p *plan.Plan) error {
	for _, r := range p.Runs {
		k := s.keyOf(r)
		if k.Cluster == "" || ctx.Err() != nil {
			continue
		}
		attempts, err := s.store.Attempts(k)
		if err != nil {
			return err
		}
		for _, a := range attempts {
			if err := b.AddAttempt(attemptFolder(r.Address, a.Sample, a.Number), a); err != nil {
				return err
			}
		}
	}
	return nil
}

// attemptFolder is where an attempt stands in a bundle.
func attemptFolder(address string, sample, attempt int) string {
	return fmt.Sprintf("runs/%s/sample-%d/attempt-%d", address, sample, attempt)
}

// readBundle reads the results of a bundle that is as it was written: the measured ones,
// or the simulated ones where there are no others. With logs the members have what the
// attempts wrote.
func readBundle(file string, logs bool) (*results.Set, map[string][]byte, error) {
	members, err := store.ReadBundle(file, func(name string) bool {
		base := path.Base(name)
		return name == bundledResults || name == bundledSimulated || logs && (base == jobdir.StdoutFile || base == jobdir.StderrFile)
	})
	if err != nil {
		return nil, nil, err
	}
	for _, name := range []string{bundledResults, bundledSimulated} {
		if text, ok := members[name]; ok {
			set, err := results.Read(bytes.NewReader(text))
			if err != nil {
				return nil, nil, fmt.Errorf("%s: %s: %w", file, name, err)
			}
			return set, members, nil
		}
	}
	return nil, nil, fmt.Errorf("%s holds no results", file)
}
