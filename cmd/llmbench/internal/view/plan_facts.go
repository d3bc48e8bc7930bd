package view

import (
	"cmp"
	"fmt"
	"maps"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	"github.com/llmbench/llmbench/plan"
	"github.com/llmbench/llmbench/plan/failure"
)

// A fact is one thing that a plan says of a run: an argument or an option,
// with its value in words and where it was set.
type fact struct {
	name, text string
	topic      int
	from       plan.Origin
}

// The topics in which a plan groups the arguments that all runs share.
const (
	topicParallel = iota
	topicLimits
	topicTraffic
	topicOther
	topicOptions
	topicEnv
	topics
)

var topicOf = map[string]int{
	"tp": topicParallel, "pp": topicParallel, "ep": topicParallel, "cluster_size": topicParallel,
	"llm_api_options.enable_attention_dp": topicParallel, "streaming": topicParallel,
	"max_batch_size": topicLimits, "max_num_tokens": topicLimits, "max_seq_len": topicLimits,
	"kv_cache_free_gpu_mem_fraction": topicLimits,
	"concurrency":                    topicTraffic, "num_requests": topicTraffic, "warmup": topicTraffic,
}

// order is how the facts of a topic follow each other; others go by name.
var order = []string{
	"tp", "pp", "ep", "llm_api_options.enable_attention_dp", "streaming",
	"max_batch_size", "max_num_tokens", "max_seq_len", "kv_cache_free_gpu_mem_fraction",
	"concurrency", "num_requests", "warmup",
}

// facts lists what the definitions say of r. What only the version's defaults
// say is left out.
func facts(r *plan.Run) []fact {
	var out []fact
	eachValue(r, func(name string, value any) {
		if !declared(r, name) {
			return
		}
		topic, ok := topicOf[name]
		switch {
		case ok:
		case strings.HasPrefix(name, "llm_api_options."):
			topic = topicOptions
		case strings.HasPrefix(name, "env."):
			topic = topicEnv
		default:
			topic = topicOther
		}
		out = append(out, fact{name: name, text: phrase(r, name, value), topic: topic, from: r.Origins.At(name)})
	})
	rank := func(name string) int {
		if i := slices.Index(order, name); i >= 0 {
			return i
		}
		return len(order)
	}
	slices.SortStableFunc(out, func(a, b fact) int {
		return cmp.Or(a.topic-b.topic, rank(a.name)-rank(b.name), strings.Compare(a.name, b.name))
	})
	return out
}

// eachValue visits what a run is passed: arguments, options, and variables as env.NAME.
func eachValue(r *plan.Run, visit func(name string, value any)) {
	known := func(name string, value any) {
		if value != nil {
			visit(name, value)
		}
	}
	for _, name := range sortedKeys(r.Arguments) {
		known(name, r.Arguments[name])
	}
	walkLeaves("llm_api_options", r.LLMAPIOptions, known)
	for _, name := range sortedKeys(r.Env) {
		if v := r.Env[name]; v != nil {
			visit("env."+name, *v)
		} else {
			visit("env."+name, "(secret)")
		}
	}
}

func walkLeaves(path string, v any, visit func(string, any)) {
	obj, ok := v.(map[string]any)
	if !ok {
		visit(path, v)
		return
	}
	for _, k := range sortedKeys(obj) {
		walkLeaves(path+"."+k, obj[k], visit)
	}
}

// phrase says an argument in a few words.
func phrase(r *plan.Run, name string, value any) string {
	switch name {
	case "llm_api_options.enable_attention_dp":
		return "attention DP " + onOff(value)
	case "streaming":
		return "streaming " + onOff(value)
	case "max_batch_size":
		return "max_batch_size " + withCommas(value) + slots(r, value)
	case "kv_cache_free_gpu_mem_fraction":
		return "KV fraction " + literal(value)
	case "concurrency":
		return "concurrency " + concurrency(r, value)
	case "max_num_tokens", "max_seq_len", "num_requests":
		return name + " " + withCommas(value)
	}
	if env, ok := strings.CutPrefix(name, "env."); ok {
		return env + "=" + literal(value)
	}
	return strings.TrimPrefix(name, "llm_api_options.") + " " + literal(value)
}

func concurrency(r *plan.Run, value any) string {
	if n, ok := number(value); ok && n <= 0 {
		if reqs, ok := number(r.Arguments["num_requests"]); ok {
			return fmt.Sprintf("unlimited (all %s requests at once)", count(int64(reqs)))
		}
		return "unlimited"
	}
	return withCommas(value)
}

// slots says how many requests attention data parallelism serves at once.
func slots(r *plan.Run, value any) string {
	opts, _ := r.LLMAPIOptions.(map[string]any)
	tp, okTP := number(r.Arguments["tp"])
	batch, okB := number(value)
	if opts["enable_attention_dp"] != true || !okTP || !okB {
		return ""
	}
	return fmt.Sprintf(" per rank (%s slots)", count(int64(tp*batch)))
}

func onOff(v any) string {
	if v == true {
		return "on"
	}
	return "off"
}

func withCommas(v any) string {
	if n, ok := number(v); ok && n == float64(int64(n)) {
		return count(int64(n))
	}
	return literal(v)
}

func number(v any) (float64, bool) {
	switch v := v.(type) {
	case int64:
		return float64(v), true
	case int:
		return float64(v), true
	case float64:
		return v, true
	}
	return 0, false
}

func sortedKeys[K ~string, V any](m map[K]V) []K { return slices.Sorted(maps.Keys(m)) }

// positions writes ranges short: relative to the definitions.
type positions struct{ dir string }

// newPositions takes the definitions' folder from the plan's inputs.
func newPositions(p *plan.Plan) positions {
	if len(p.Inputs) == 0 {
		return positions{}
	}
	return positions{dir: filepath.Dir(p.Inputs[0].Path)}
}

func (p positions) of(r *plan.Range) string {
	if r == nil {
		return ""
	}
	name := r.Filename
	if rest, ok := strings.CutPrefix(name, p.dir+string(filepath.Separator)); ok {
		name = rest
	}
	if r.Start.Line == 0 {
		return name // the whole file
	}
	return fmt.Sprintf("%s:%d", name, r.Start.Line)
}

// origin is the place of a value, or whose decision it was.
func (p positions) origin(o plan.Origin) string {
	if o.Range != nil {
		return p.of(o.Range)
	}
	return o.From
}

// below shortens a path below a folder.
func below(dir, path string) string {
	if rel, err := filepath.Rel(dir, path); err == nil && filepath.IsLocal(rel) {
		return rel
	}
	return path
}

// notes prints what the estimates say that could be better: each kind once, with the
// first run that it is said of.
func (v PlanView) notes(p *printer, g *group) {
	var runs tally[failure.Code]
	first := map[failure.Code]string{}
	for _, r := range g.runs {
		for _, n := range r.Notes {
			if !todo(r) || !n.Code.Entry().Advises {
				continue
			}
			if runs.add(n.Code, short(r.Address)); len(runs.of[n.Code]) == 1 {
				first[n.Code] = n.Detail
			}
		}
	}
	var lines []string
	for _, code := range runs.keys {
		where := runs.of[code][0]
		if more := len(runs.of[code]) - 1; more > 0 {
			where += fmt.Sprintf(" and %d more", more)
		}
		lines = append(lines, fmt.Sprintf("%s (%s): %s", code, where, first[code]))
	}
	p.paragraphs("  ", 4, lines)
}

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
