package command

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"github.com/llmbench/llmbench/plan"
)

// reload plans the definitions of a saved plan again and refuses it when
// anything that it was made from has moved, naming what.
func (e *env) reload(saved *plan.Plan) (*session, *plan.Plan, hcl.Diagnostics, error) {
	for _, r := range saved.Runs {
		if r.FingerprintVersion != plan.FingerprintVersion {
			return nil, nil, nil, fmt.Errorf("llmbench %s saved the plan with fingerprints of version %d, and this llmbench computes version %d: plan again. "+
				"What was measured or is in flight still counts", saved.LLMBenchVersion, r.FingerprintVersion, plan.FingerprintVersion)
		}
	}
	if len(saved.Inputs) == 0 {
		return nil, nil, nil, errors.New("the plan names no definitions; plan again")
	}
	f := definitionFlags{Dir: filepath.Dir(saved.Inputs[0].Path), Store: saved.Store}
	for _, name := range sortedNames(saved.Variables) {
		text, err := variableText(saved.Variables[name])
		if err != nil {
			return nil, nil, nil, err
		}
		f.Vars = append(f.Vars, name+"="+text)
	}
	s := e.load(f, executorOf(saved))
	fresh, diags := s.proven(selectionOf(saved), false)
	if diags.HasErrors() {
		return s, fresh, diags, nil
	}
	if moved := whatMoved(saved, fresh); len(moved) > 0 {
		return nil, nil, nil, fmt.Errorf("the plan is stale; plan again. What moved:\n  %s", strings.Join(moved, "\n  "))
	}
	return s, fresh, diags, nil
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
			add("%s has another content", in.Path)
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
	if len(moved) == 0 && !same(saved.Summary, fresh.Summary) {
		add("the summary: what the plan says of its cost is not what follows from it")
	}
	return moved
}

func runMoved(saved, fresh *plan.Run) []string {
	var moved []string
	for _, part := range []struct {
		name string
		a, b any
	}{
		{"its data set", saved.Dataset, fresh.Dataset},
		{"its fingerprint", saved.Fingerprint, fresh.Fingerprint},
		{"its model", saved.Model, fresh.Model},
		{"its hardware", saved.Hardware, fresh.Hardware},
		{"its image", saved.Image, fresh.Image},
		{"its use case", saved.UseCase, fresh.UseCase},
		{"its arguments", saved.Arguments, fresh.Arguments},
		{"its options", saved.LLMAPIOptions, fresh.LLMAPIOptions},
		{"its commands", saved.Steps, fresh.Steps},
		{"its job", saved.Job, fresh.Job},
		{"its time limit", saved.TimeLimitSeconds, fresh.TimeLimitSeconds},
		{"what the store holds for it", saved.State, fresh.State},
		{"its action", saved.Action, fresh.Action},
	} {
		if !same(part.a, part.b) {
			moved = append(moved, saved.Address+": "+part.name)
		}
	}
	return moved
}

func same(a, b any) bool {
	x, errX := json.Marshal(a)
	y, errY := json.Marshal(b)
	return errX == nil && errY == nil && bytes.Equal(x, y)
}

func sortedNames[V any](m map[string]V) []string {
	return slices.Sorted(maps.Keys(m))
}
