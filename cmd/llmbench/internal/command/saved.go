package command

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/hashicorp/hcl/v2"

	"github.com/llmbench/llmbench/cmd/llmbench/internal/view"
	"github.com/llmbench/llmbench/executors/runs"
	"github.com/llmbench/llmbench/plan"
)

// A savedPlan is a plan document that was read from a file.
type savedPlan struct {
	*plan.Plan
	file string
	// sum is the hexadecimal SHA-256 of the file.
	sum string
}

func readPlan(path string) (savedPlan, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return savedPlan{}, err
	}
	p, err := plan.Read(bytes.NewReader(b))
	if err != nil {
		return savedPlan{}, fmt.Errorf("%s: %w", path, err)
	}
	sum := sha256.Sum256(b)
	return savedPlan{Plan: p, file: path, sum: hex.EncodeToString(sum[:])}, nil
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
	dir, err := filepath.Abs(p.dir())
	if err != nil {
		dir = p.dir()
	}
	return &view.Source{File: p.file, Dir: dir, Saved: p.Saved, Version: p.LLMBenchVersion}
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
	f := definitionFlags{Dir: saved.dir(), Store: saved.Store}
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
	s := e.load(f, executorOf(saved.Plan))
	s.saved = saved.sum
	sel := selectionOf(saved.Plan)
	fresh, diags := s.proven(sel, false)
	began, err := s.began(saved)
	if err != nil {
		return nil, nil, nil, err
	}
	if began {
		now := s.store
		s.store = now.Without(saved.sum)
		fresh, diags = s.proven(sel, false)
		s.store = now
	}
	if !diags.HasErrors() {
		if moved := whatMoved(saved.Plan, fresh); len(moved) > 0 {
			return nil, nil, nil, fmt.Errorf("the plan is stale; plan again. What moved:\n  %s", strings.Join(moved, "\n  "))
		}
	}
	if began {
		sel.Replaces = nil // set aside before the first of its jobs
		fresh, diags = s.proven(sel, false)
	}
	return s, fresh, diags, nil
}

// began reports whether a job of the saved plan was started.
func (s *session) began(saved savedPlan) (bool, error) {
	for _, r := range saved.Runs {
		for _, st := range s.sites.order {
			if st.ref != r.Executor || st.cluster == "" || r.Action == plan.Keep || r.Action == plan.Blocked {
				continue
			}
			attempts, err := s.store.Attempts(runs.Key{Fingerprint: r.Fingerprint, Cluster: st.cluster, Simulated: st.target.Identity().Simulated})
			if err != nil {
				return false, err
			}
			for _, a := range attempts {
				if intent, err := a.Intent(); err != nil || intent != nil && intent.Plan == saved.sum {
					return err == nil, err
				}
			}
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

// selectionOf asks for what a saved plan decided.
func selectionOf(p *plan.Plan) plan.Selection {
	var sel plan.Selection
	for _, r := range p.Runs {
		sel.Targets = append(sel.Targets, r.Address)
		if r.Replaced() {
			sel.Replaces = append(sel.Replaces, r.Address)
		}
		if r.Action != plan.Blocked {
			sel.Retry = sel.Retry || r.State.Repeats()
		}
	}
	return sel
}

// whatMoved lists the differences between a saved plan and one that was made
// now.
func whatMoved(saved, fresh *plan.Plan) []string {
	var moved []string
	add := func(format string, args ...any) { moved = append(moved, fmt.Sprintf(format, args...)) }
	now := map[string]string{}
	for _, in := range fresh.Inputs {
		now[in.Path] = in.SHA256
	}
	for _, in := range saved.Inputs {
		if sum, ok := now[in.Path]; ok && sum != in.SHA256 {
			add("%s has changed", in.Path)
		} else if !ok && strings.HasSuffix(in.Path, ".hcl") {
			add("%s is gone", in.Path)
		}
	}
	for _, in := range fresh.Inputs {
		known := slices.ContainsFunc(saved.Inputs, func(was plan.Input) bool { return was.Path == in.Path })
		if !known && strings.HasSuffix(in.Path, ".hcl") {
			add("%s is new", in.Path)
		}
	}
	for _, name := range sortedNames(fresh.Variables) {
		if !same(saved.Variables[name], fresh.Variables[name]) {
			add("the variable %q has another value", name)
		}
	}
	if !same(saved.Packs, fresh.Packs) {
		add("the packs: which runs share a job, or how it is submitted")
	}
	byAddress := map[string]*plan.Run{}
	for _, r := range fresh.Runs {
		byAddress[r.Address] = r
	}
	for _, r := range saved.Runs {
		f := byAddress[r.Address]
		if f == nil {
			add("%s is no longer declared", r.Address)
			continue
		}
		moved = append(moved, runMoved(r, f)...)
	}
	if len(moved) == 0 && (!same(saved.Summary, fresh.Summary) || len(saved.Runs) != len(fresh.Runs) || saved.Excluded != fresh.Excluded) {
		add("the summary: what the plan says of its cost and its runs is not what follows from it")
	}
	return moved
}

// movedWords name parts of a run; others go by their keys.
var movedWords = map[string]string{
	"dataset": "data set", "llm_api_options": "options", "steps": "commands", "env": "environment", "estimate": "prediction", "executor_settings": "executor's settings",
}

// derived are the parts of a run that follow from the others and from what is stored.
var derived = []string{"action", "reason", "changes", "origins", "notes", "estimate"}

// runMoved lists the parts in which a saved run differs from one that was made now.
func runMoved(saved, fresh *plan.Run) []string {
	was, is := parts(saved), parts(fresh)
	var moved, follows []string
	for _, key := range sortedNames(is) {
		words := saved.Address + ": its " + cmp.Or(movedWords[key], strings.ReplaceAll(key, "_", " "))
		switch {
		case bytes.Equal(was[key], is[key]):
		case key == "state":
			moved = append(moved, saved.Address+": what the store holds for it")
		case slices.Contains(derived, key):
			follows = append(follows, words)
		default:
			moved = append(moved, words)
		}
	}
	if moved == nil {
		return follows
	}
	return moved
}

// parts are a run's keys in the document.
func parts(r *plan.Run) map[string]json.RawMessage {
	var m map[string]json.RawMessage
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
