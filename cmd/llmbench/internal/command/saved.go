package command

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"os/user"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/urfave/cli/v3"

	"github.com/llmbench/llmbench/cmd/llmbench/internal/view"
	"github.com/llmbench/llmbench/executors/jobdir"
	"github.com/llmbench/llmbench/executors/store"
	"github.com/llmbench/llmbench/plan"
	"github.com/llmbench/llmbench/plan/document"
	"github.com/llmbench/llmbench/schema/regular"
)

// A savedPlan is a plan that was read from a file; sum is its hexadecimal SHA-256.
type savedPlan struct {
	*document.Plan
	file, sum string
}

func readPlan(path string) (savedPlan, error) {
	f, err := regular.Open(path)
	if err != nil {
		return savedPlan{}, err
	}
	defer f.Close()
	debug.SetGCPercent(40) // a large plan shall fit on a login node, if it takes a little longer
	sum := sha256.New()
	r := io.TeeReader(io.LimitReader(f, regular.MaxDocument), sum)
	p, err := document.Read(r)
	if err == nil {
		_, err = io.Copy(io.Discard, r)
	}
	if err != nil {
		return savedPlan{}, fmt.Errorf("%s: %w", path, err)
	}
	return savedPlan{Plan: p, file: path, sum: hex.EncodeToString(sum.Sum(nil))}, nil
}

// dir is the directory of the definitions that the plan was made from, "" where it
// names none.
func (p savedPlan) dir() string {
	if len(p.Inputs) == 0 {
		return ""
	}
	return filepath.Dir(p.Inputs[0].Path)
}

// foreign says what of the plan's file and of these inputs others than this user may
// have written, a phrase each. A link is as safe as the folders that it stands in and
// leads to.
func (p savedPlan) foreign(inputs []plan.Input) []string {
	var out []string
	add := func(path string, orRoot bool) {
		info, err := os.Lstat(path)
		if err != nil {
			out = append(out, err.Error())
			return
		}
		owner, mode := info.Sys().(*syscall.Stat_t), info.Mode()
		uid := strconv.Itoa(int(owner.Uid))
		name := "uid " + uid
		if u, err := user.LookupId(uid); err == nil {
			name = u.Username
		}
		why := ""
		switch {
		case int(owner.Uid) != os.Geteuid() && !(orRoot && owner.Uid == 0):
			why = "belongs to " + name
		case mode&0o022 != 0 && mode&fs.ModeSticky == 0:
			why = fmt.Sprintf("can be written by others (mode %04o)", mode.Perm())
		}
		if why = path + " " + why; !strings.HasSuffix(why, " ") && !slices.Contains(out, why) {
			out = append(out, why)
		}
	}
	files := []string{p.file}
	for _, in := range inputs {
		files = append(files, in.Path)
	}
	for _, file := range files {
		add(filepath.Dir(file), true)
		if real, err := filepath.EvalSymlinks(file); err == nil {
			file = real
		}
		add(filepath.Dir(file), true)
		add(file, false)
	}
	return out
}

// source is where the plan came from, as its views print it.
func (p savedPlan) source() *view.Source {
	dir, _ := filepath.Abs(p.dir()) // "" without a working directory
	return &view.Source{File: p.file, Dir: cmp.Or(dir, p.dir()), Saved: p.Saved, Version: p.LLMBenchVersion}
}

// reload plans the definitions of a saved plan again and refuses it when anything
// that it was made from has moved, naming what. What its own earlier applies did to
// the store is no move: the plan is then of what they left.
func (e *env) reload(saved savedPlan) (*session, *plan.Plan, hcl.Diagnostics, error) {
	for _, r := range saved.Runs {
		if r.FingerprintVersion != plan.FingerprintVersion {
			return nil, nil, nil, fmt.Errorf("llmbench %s saved the plan with fingerprints of version %d, and this llmbench computes version %d: plan again. "+
				"What was measured or is in flight still counts", saved.LLMBenchVersion, r.FingerprintVersion, plan.FingerprintVersion)
		}
	}
	if saved.dir() == "" {
		return nil, nil, nil, errors.New("the plan names no definitions; plan again")
	}
	was := saved.Sums()
	f := definitionFlags{Dir: saved.dir(), Store: saved.Store, Executor: executorOf(saved.Plan.Plan)}
	for _, name := range sortedNames(saved.Variables) {
		if saved.Variables[name] == nil {
			continue // null cannot be said on a command line: its default says it
		}
		text, err := variableText(saved.Variables[name])
		if err != nil {
			return nil, nil, nil, err
		}
		f.Vars = append(f.Vars, name+"="+text)
	}
	sel, toDo := selectionOf(saved.Plan.Plan)
	saved.Runs = nil // the plan that is made now needs the memory
	s := e.load(f)
	s.saved = saved.sum
	began, err := s.began(toDo)
	if err != nil {
		return nil, nil, nil, err
	}
	now := s.store
	if began {
		s.store = now.Without(saved.sum)
	}
	fresh, diags := s.proven(sel)
	s.store = now
	if !diags.HasErrors() {
		moved, err := whatMoved(saved, sel.Addresses, was, fresh, e.valuesMoved(saved, f.Executor, fresh))
		if err != nil {
			return nil, nil, nil, fmt.Errorf("%s: %w", saved.file, err)
		}
		if len(moved) > 0 {
			return nil, nil, nil, fmt.Errorf("the plan is stale; plan again. Changed since it was saved:\n  %s", strings.Join(moved, "\n  "))
		}
	}
	if began {
		sel.Replaces = nil // set aside before the first of its jobs
		fresh, diags = s.proven(sel)
	}
	return s, fresh, diags, nil
}

// began reports whether a job of the saved plan was started for a run with one of these
// fingerprints.
func (s *session) began(toDo map[string]bool) (bool, error) {
	keys, err := s.store.Keys()
	if err != nil {
		return false, err
	}
	for _, k := range keys {
		if !toDo[store.Digits(k.Fingerprint)] {
			continue
		}
		began := false
		err := s.store.Intents(k, func(_ *store.Attempt, intent *jobdir.Intent) error {
			began = began || intent.Plan == s.saved
			return nil
		})
		if err != nil || began {
			return began, err
		}
	}
	return false, nil
}

// variableText is a variable's value as -var takes it.
func variableText(v any) (string, error) {
	if s, ok := v.(string); ok {
		return s, nil
	}
	b, err := json.Marshal(v)
	return string(b), err
}

// executorOf is the -executor that a saved plan was made for.
func executorOf(p *plan.Plan) string {
	if len(p.Runs) == 0 {
		return ""
	}
	ref := p.Runs[0].Executor
	for _, r := range p.Runs {
		if r.Executor != ref {
			return ""
		}
	}
	if ref.Name == "" {
		return ref.Type
	}
	return ref.Type + "." + string(ref.Name)
}

// selectionOf asks for what a saved plan decided; toDo has the fingerprints of the runs
// that it starts or waits for.
func selectionOf(p *plan.Plan) (sel plan.Selection, toDo map[string]bool) {
	toDo = map[string]bool{}
	for _, r := range p.Runs {
		toDo[store.Digits(r.Fingerprint)] = r.Action != plan.Keep && r.Action != plan.Blocked
		sel.Addresses = append(sel.Addresses, r.Address)
		if r.Replaced() {
			sel.Replaces = append(sel.Replaces, r.Address)
		}
		if r.Action != plan.Blocked {
			sel.Retry = sel.Retry || r.State.Repeats()
		}
	}
	return sel, toDo
}

// whatMoved says why a saved plan is not the one that is made now: what changed, with
// its place, or where nothing in the runs and the variables did, the file that did.
// was are the sums of the saved runs at these addresses; vars names the variables that
// files of values set otherwise now.
func whatMoved(saved savedPlan, addresses []string, was []document.Sum, fresh *plan.Plan, vars []string) ([]string, error) {
	moved := slices.Clone(vars)
	add := func(format string, args ...any) { moved = append(moved, fmt.Sprintf(format, args...)) }
	for _, name := range sortedNames(fresh.Variables) {
		if !same(saved.Variables[name], fresh.Variables[name]) {
			add("%s", view.ChangeLine(fresh, plan.Change{Argument: "var." + name, Before: saved.Variables[name], After: fresh.Variables[name]}))
		}
	}
	now := map[string]int{}
	for i, r := range fresh.Runs {
		now[r.Address] = i
	}
	is, err := document.Sums(fresh.Runs)
	if err != nil {
		return nil, err
	}
	// whole is saved with the text of its runs.
	var whole savedPlan
	in := map[string][]string{} // the runs by what moved in them
	var lines, follows []string
	for i, address := range addresses {
		n, found := now[address]
		if !found {
			add("%s is no longer declared", address)
			continue
		}
		if was[i] == is[n] {
			continue
		}
		if whole.Plan == nil {
			if whole, err = readPlan(saved.file); err != nil {
				return nil, err
			}
			if whole.sum != saved.sum {
				return nil, errors.New("another plan was written there")
			}
		}
		doc, err := whole.Run(i)
		if err != nil {
			return nil, err
		}
		causes, more := runMoved(doc, fresh.Runs[n], fresh)
		follows = append(follows, more...)
		for _, line := range causes {
			if in[line] == nil {
				lines = append(lines, line)
			}
			in[line] = append(in[line], address)
		}
	}
	for _, line := range lines {
		if len(in[line]) < len(addresses) || strings.HasPrefix(line, storeMoved) {
			line = view.Some(in[line], 2) + ": " + line
		}
		add("%s", line)
	}
	for _, list := range [][]string{filesMoved(saved.Plan.Plan, fresh), follows} {
		if len(moved) == 0 {
			moved = list
		}
	}
	if !same(saved.Searches, fresh.Searches) && len(moved) == 0 {
		add("the searches: their rule, bounds and budget, or what they have measured")
	}
	if !same(saved.Jobs, fresh.Jobs) && len(moved) == 0 {
		add("which runs share a job, or how that job is submitted")
	}
	if len(moved) == 0 && (!same(saved.Summary, fresh.Summary) || len(addresses) != len(fresh.Runs) || saved.Excluded != fresh.Excluded) {
		add("the summary of runs and costs is not that of the plan's runs")
	}
	return moved, nil
}

// filesMoved names the inputs that are not those of the saved plan. Files of values
// may come and go where the variables stay.
func filesMoved(saved, fresh *plan.Plan) []string {
	was, is := sums(saved), sums(fresh)
	all := maps.Clone(was)
	maps.Copy(all, is)
	var moved []string
	for _, path := range sortedNames(all) {
		before, old := was[path]
		after, found := is[path]
		switch hcl := strings.HasSuffix(path, ".hcl"); {
		case old && found && before != after:
			moved = append(moved, path+" has changed")
		case !found && hcl:
			moved = append(moved, path+" is gone")
		case !old && hcl:
			moved = append(moved, path+" is new")
		}
	}
	return moved
}

// sums are the inputs' checksums by path.
func sums(p *plan.Plan) map[string]string {
	m := map[string]string{}
	for _, in := range p.Inputs {
		m[in.Path] = in.SHA256
	}
	return m
}

// valuesMoved says which values the changed files of values set now, against those of
// the saved plan.
func (e *env) valuesMoved(saved savedPlan, executor string, fresh *plan.Plan) []string {
	before, after := sums(saved.Plan.Plan), sums(fresh)
	if maps.Equal(before, after) {
		return nil
	}
	s := e.load(definitionFlags{Dir: saved.dir(), Store: saved.Store, Executor: executor})
	p, _ := s.plan(plan.Selection{})
	var moved []string
	for _, v := range s.defs.Variables {
		was, is := saved.Variables[v.Name], p.Variables[v.Name]
		if sum, known := before[v.Source]; known && sum != after[v.Source] && !same(was, is) {
			moved = append(moved, view.ChangeLine(fresh, plan.Change{Argument: "var." + v.Name, Before: was, After: is,
				Range: &plan.Range{Filename: v.Source}}))
		}
	}
	return moved
}

// derived are the parts of a run that follow from the others and from what is stored.
var derived = []string{"action", "reason", "fingerprint", "changes", "origins", "notes", "estimate"}

const storeMoved = "the store has "

// runMoved lists what changed in a run since it was saved, and where nothing else did,
// the parts that only follow.
func runMoved(saved *document.Run, fresh *plan.Run, now *plan.Plan) (causes, follows []string) {
	was, is := parts(saved), parts(document.NewRun(fresh, fresh.Jobs()...))
	for _, c := range plan.Compare(saved.Planned(), fresh) {
		causes = append(causes, view.ChangeLine(now, c))
	}
	if saved.TimeLimitSeconds != fresh.TimeLimitSeconds {
		limit := func(seconds int) string { return (time.Duration(seconds) * time.Second).String() }
		causes = append(causes, view.ChangeLine(now, plan.Change{Argument: "time_limit", Before: limit(saved.TimeLimitSeconds), After: limit(fresh.TimeLimitSeconds), Range: fresh.Origins.At("time_limit").Range}))
	}
	if causes == nil && !same(was["state"], is["state"]) {
		causes = append(causes, fmt.Sprintf("%s%d of %d samples, %d in flight and %d failed; the plan has %d, %d and %d", storeMoved,
			fresh.State.Valid+fresh.State.Suspect, fresh.State.Wanted, len(fresh.State.InFlight), len(fresh.State.Failed),
			saved.State.Valid+saved.State.Suspect, len(saved.State.InFlight), len(saved.State.Failed)))
	}
	if causes != nil {
		return causes, nil
	}
	for _, key := range sortedNames(is) {
		for _, line := range moves(key, was[key], is[key]) {
			if slices.Contains(derived, key) || key == "job" && saved.Fingerprint != fresh.Fingerprint || !strings.Contains(line, " → ") {
				follows = append(follows, saved.Address+": "+line)
			} else {
				causes = append(causes, line)
			}
		}
	}
	return causes, follows
}

// moves lists the leaves in which two values differ; long ones are only named.
func moves(path string, was, is any) []string {
	var out []string
	switch a := was.(type) {
	case map[string]any:
		b, ok := is.(map[string]any)
		if !ok {
			break
		}
		all := maps.Clone(a)
		maps.Copy(all, b)
		for _, key := range sortedNames(all) {
			out = append(out, moves(path+"."+key, a[key], b[key])...)
		}
		return out
	case []any:
		b, ok := is.([]any)
		if !ok || len(a) != len(b) {
			break
		}
		for i := range a {
			out = append(out, moves(fmt.Sprintf("%s[%d]", path, i), a[i], b[i])...)
		}
		return out
	}
	if same(was, is) {
		return nil
	}
	line := view.ChangeLine(nil, plan.Change{Argument: path, Before: was, After: is})
	if len(line) > 200 || strings.Contains(line, "\n") {
		line = path
	}
	return []string{line}
}

// parts are a run's keys in the document.
func parts(r *document.Run) map[string]any {
	var m map[string]any
	b, err := json.Marshal(r)
	if err == nil {
		err = json.Unmarshal(b, &m)
	}
	if err != nil {
		panic("command: a run is not JSON: " + err.Error())
	}
	return m
}

func same(a, b any) bool {
	x, errX := json.Marshal(a)
	y, errY := json.Marshal(b)
	return errX == nil && errY == nil && bytes.Equal(x, y)
}

func sortedNames[V any](m map[string]V) []string {
	return slices.Sorted(maps.Keys(m))
}

func showCommand(e *env) *cli.Command {
	return &cli.Command{
		Name: "show", Usage: "print a saved plan", ArgsUsage: "PLAN",
		Flags:       []cli.Flag{&cli.BoolFlag{Name: "json", Usage: "print the plan document"}},
		Description: description([]string{"llmbench show saved.plan"}, "0  the plan was printed", "1  error"),
		Action: func(_ context.Context, c *cli.Command) error {
			if c.Args().Len() != 1 {
				return errors.New("llmbench show takes one saved plan, which `llmbench plan -out=FILE` writes")
			}
			p, err := readPlan(c.Args().First())
			if err != nil {
				return err
			}
			if c.Bool("json") {
				return p.Write(e.streams.Out)
			}
			return view.PlanView{Plan: p.Plan.Plan, Source: p.source()}.Text(e.streams.Out)
		},
	}
}
