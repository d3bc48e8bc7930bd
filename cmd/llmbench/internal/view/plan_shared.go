package view

import (
	"reflect"
	"strings"

	"github.com/llmbench/llmbench/plan"
)

// sharedNames are the facts that all runs of a group have in common.
func sharedNames(g *group) map[string]bool {
	common := map[string]bool{}
	vals := newValues()
	for _, f := range facts(g.runs[0]) {
		if vals.same(g.runs, f.name) {
			common[f.name] = true
		}
	}
	return common
}

const attentionDP = "llm_api_options.enable_attention_dp"

// told are a value and those that its phrase tells too.
func (v *values) told(r *plan.Run, name string) []string {
	switch n, _ := number(v.of(r, name)); {
	case name == "concurrency" && n <= 0:
		return []string{name, "num_requests"}
	case name == "max_batch_size" && v.of(r, attentionDP) == true:
		return []string{name, attentionDP, "tp"}
	case name == "max_batch_size":
		return []string{name, attentionDP}
	}
	return []string{name}
}

// values looks up what plans say of runs. The runs of a large plan share their
// options, which are taken apart once.
type values struct{ leaves map[uintptr]map[string]any }

func newValues() *values { return &values{leaves: map[uintptr]map[string]any{}} }

// of is the value of an argument, an option or a variable; nil for none.
func (v *values) of(r *plan.Run, name string) any {
	if env, ok := strings.CutPrefix(name, "env."); ok {
		if text, ok := r.Env[env]; ok && text != nil {
			return *text
		} else if ok {
			return "(secret)"
		}
		return nil
	}
	if value, ok := r.Arguments[name]; ok {
		return value
	}
	return v.options(r)[name]
}

// options are the leaves of the run's llm_api_options by their paths.
func (v *values) options(r *plan.Run) map[string]any {
	id := identity(r.LLMAPIOptions)
	leaves, ok := v.leaves[id]
	if !ok || id == 0 {
		leaves = map[string]any{}
		walkLeaves("llm_api_options", r.LLMAPIOptions, func(path string, value any) { leaves[path] = value })
		v.leaves[id] = leaves
	}
	return leaves
}

// identity tells maps apart; 0 is no map.
func identity(m any) uintptr {
	if rv := reflect.ValueOf(m); rv.Kind() == reflect.Map {
		return rv.Pointer()
	}
	return 0
}

// same reports whether a fact of the first run is one of all, in the same words.
func (v *values) same(runs []*plan.Run, name string) bool {
	for _, part := range v.told(runs[0], name) {
		want := v.of(runs[0], part)
		for _, r := range runs[1:] {
			if have := v.of(r, part); !alike(have, want) || part == name && !declared(r, name) {
				return false
			}
		}
	}
	return true
}

// declared reports whether the definitions say a value, rather than defaults.
func declared(r *plan.Run, name string) bool {
	if strings.HasPrefix(name, "env.") {
		return true
	}
	from := r.Origins.From(name)
	return from != "" && from != "version" && from != "llmbench"
}

func alike(a, b any) bool {
	switch a.(type) {
	case nil, bool, string, int64, float64:
		if a == b {
			return true
		}
	}
	return (a == nil) == (b == nil) && literal(a) == literal(b)
}
