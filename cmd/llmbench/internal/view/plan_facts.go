package view

import (
	"cmp"
	"fmt"
	"iter"
	"maps"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	"github.com/llmbench/llmbench/plan"
	"github.com/llmbench/llmbench/plan/failure"
)

const attentionDP = "llm_api_options.enable_attention_dp"

// topics are arguments that stand together in a line; other values come after them.
var topics = [][]string{
	{"tp", "pp", "ep", attentionDP, "streaming", "cluster_size"},
	{"max_batch_size", "max_num_tokens", "max_seq_len", "kv_cache_free_gpu_mem_fraction"},
	{"concurrency", "num_requests", "warmup"},
}

func topicOf(name string) (topic, place int) {
	for topic, names := range topics {
		if place := slices.Index(names, name); place >= 0 {
			return topic, place
		}
	}
	switch {
	case strings.HasPrefix(name, "llm_api_options."):
		return len(topics) + 1, 0
	case strings.HasPrefix(name, "env."):
		return len(topics) + 2, 0
	}
	return len(topics), 0
}

func byTopic(names iter.Seq[string]) []string {
	return slices.SortedFunc(names, func(a, b string) int {
		topicA, placeA := topicOf(a)
		topicB, placeB := topicOf(b)
		return cmp.Or(topicA-topicB, placeA-placeB, strings.Compare(a, b))
	})
}

// names are those of what a run is passed: arguments, options by their path, and env.NAME.
func (g *group) names(r *plan.Run) iter.Seq[string] {
	return func(yield func(string) bool) {
		for _, values := range []map[string]any{r.Arguments, g.options(r)} {
			for name, v := range values {
				if v != nil && !yield(name) {
					return
				}
			}
		}
		for name := range r.Env {
			if !yield("env." + name) {
				return
			}
		}
	}
}

// value is what a run is passed by a name, nil for nothing.
func (g *group) value(r *plan.Run, name string) any {
	if strings.HasPrefix(name, "llm_api_options.") {
		return g.options(r)[name]
	}
	env, ok := strings.CutPrefix(name, "env.")
	if !ok {
		return r.Arguments[name]
	}
	v, ok := r.Env[env]
	switch {
	case !ok:
		return nil
	case v == nil:
		return "(secret)"
	}
	return *v
}

// options are those of a run by their path. Of runs that share them they are made once.
func (g *group) options(r *plan.Run) map[string]any {
	shared := reflect.ValueOf(r.LLMAPIOptions)
	if shared.Kind() != reflect.Map {
		return nil
	}
	leaves := g.leaves[shared.Pointer()]
	if leaves == nil {
		leaves = map[string]any{}
		addLeaves(leaves, "llm_api_options", r.LLMAPIOptions)
		g.leaves[shared.Pointer()] = leaves
	}
	return leaves
}

func addLeaves(out map[string]any, path string, v any) {
	obj, ok := v.(map[string]any)
	if !ok {
		out[path] = v
	}
	for k, inner := range obj {
		addLeaves(out, path+"."+k, inner)
	}
}

// A group is the runs of one benchmark.
type group struct {
	name   string
	runs   []*plan.Run
	leaves map[uintptr]map[string]any // by the map of options that runs share
	shared []string                   // names of what all runs declare in the same words, by topic
}

func groupRuns(runs []*plan.Run) []*group {
	names, of := groupBy(runs, func(r *plan.Run) string { name, _, _ := strings.Cut(r.Address, "/"); return name })
	groups := make([]*group, len(names))
	for i, name := range names {
		g := &group{name: name, runs: of[name], leaves: map[uintptr]map[string]any{}}
		g.shared = slices.DeleteFunc(byTopic(g.names(g.runs[0])), func(name string) bool { return !g.same(name) })
		groups[i] = g
	}
	return groups
}

func (g *group) same(name string) bool {
	text := phrase(g.runs[0], name, g.value(g.runs[0], name))
	return !slices.ContainsFunc(g.runs, func(r *plan.Run) bool {
		v := g.value(r, name)
		return v == nil || !declared(r, name) || phrase(r, name, v) != text
	})
}

func (g *group) kept() (n int) {
	for _, r := range g.runs {
		if r.Action == plan.Keep {
			n++
		}
	}
	return n
}

// declared reports whether the definitions say a value, rather than defaults.
func declared(r *plan.Run, name string) bool {
	if strings.HasPrefix(name, "env.") {
		return true
	}
	from := r.Origins.At(name).From
	return from != "" && from != "version" && from != "llmbench"
}

// phrase says an argument in a few words.
func phrase(r *plan.Run, name string, value any) string {
	switch name {
	case attentionDP:
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

// place writes a range short, relative to the definitions of a plan.
func place(p *plan.Plan, r *plan.Range) string {
	if r == nil {
		return ""
	}
	name := r.Filename
	if len(p.Inputs) > 0 {
		name = below(filepath.Dir(p.Inputs[0].Path), name)
	}
	if r.Start.Line == 0 {
		return name // the whole file
	}
	return fmt.Sprintf("%s:%d", name, r.Start.Line)
}

// origin is the place of a value, or whose decision it was.
func origin(p *plan.Plan, o plan.Origin) string {
	return cmp.Or(place(p, o.Range), o.From)
}

func below(dir, path string) string {
	if rel, err := filepath.Rel(dir, path); err == nil && filepath.IsLocal(rel) {
		return rel
	}
	return path
}

// noteLines say what could be better: each kind once, with the first run that it is said of.
func (g *group) noteLines() []string {
	var runs tally[failure.Code]
	first := map[failure.Code]string{}
	for _, r := range g.runs {
		for _, n := range r.Notes {
			if todo(r) && n.Code.Entry().Advises {
				runs.add(n.Code, short(r.Address))
				first[n.Code] = cmp.Or(first[n.Code], n.Detail)
			}
		}
	}
	var lines []string
	for _, code := range runs.keys {
		lines = append(lines, fmt.Sprintf("%s (%s): %s", code, Some(runs.of[code], 1), first[code]))
	}
	return lines
}
