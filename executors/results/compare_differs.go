package results

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/llmbench/llmbench/plan"
	"github.com/llmbench/llmbench/plan/failure"
	"github.com/llmbench/llmbench/plan/trtllm"
	"github.com/llmbench/llmbench/schema/catalog"
)

// A Changed is something declared or observed that has another value on the other side
// of a comparison, or at another time.
type Changed struct {
	Argument string `json:"argument"`
	Before   string `json:"before"`
	After    string `json:"after"`

	aspect  string // what -across names
	setting bool   // of the executor
}

// notSet stands for a value that a side does not have.
const notSet = "not set"

func newChanged(aspect, argument, before, after string) Changed {
	return Changed{Argument: argument, Before: cmp.Or(before, notSet), After: cmp.Or(after, notSet), aspect: aspect}
}

func (c Changed) words() string { return fmt.Sprintf("%s: %s → %s", c.Argument, c.Before, c.After) }

// contextOf says the differences of sides that are compared.
func contextOf(list []Changed) []string {
	var out []string
	for _, c := range list {
		if c.setting {
			out = append(out, "measured with another "+c.words())
		} else {
			out = append(out, c.words())
		}
	}
	return out
}

// differences lists in what the sides of a pair differ that can move a number. What an
// imported log does not tell differs in nothing.
func (p pair) differences() []Changed {
	b, t := p.base.Results[0], p.target.Results[0]
	imported := b.Executor.Type == ImportedType || t.Executor.Type == ImportedType
	out := []Changed{}
	add := func(aspect, base, target string) {
		if base != target && !(imported && (base == "" || target == "")) {
			out = append(out, newChanged(aspect, aspect, base, target))
		}
	}
	if imported {
		add("model", path.Base(b.Model.Checkpoint), path.Base(t.Model.Checkpoint))
		add("hardware", strconv.Itoa(b.Hardware.GPUs)+" GPUs", strconv.Itoa(t.Hardware.GPUs)+" GPUs")
	} else {
		add("model", modelWords(b), modelWords(t))
		add("hardware", hardwareWords(b), hardwareWords(t))
		add("cluster", b.Cluster, t.Cluster)
	}
	add("quantization", b.Model.Quantization, t.Model.Quantization)
	add("image", b.Image.Name, t.Image.Name)
	add("trtllm_version", b.Image.TRTLLMVersion, t.Image.TRTLLMVersion)
	if !imported || !p.sameLengths() {
		add("use_case", lengthWords(b), lengthWords(t))
	}
	add("engine", cmp.Or(b.Engine, plan.FreshEngine), cmp.Or(t.Engine, plan.FreshEngine))
	for _, name := range p.argumentNames() {
		add(name, plain(b.Arguments[name]), plain(t.Arguments[name]))
	}
	base, target := b.Settings.Facts(), t.Settings.Facts()
	for _, name := range slices.Sorted(maps.Keys(base)) {
		if was, is := plain(base[name]), plain(target[name]); target != nil && was != is {
			c := newChanged(name, name, was, is)
			c.setting = true
			out = append(out, c)
		}
	}
	out = append(out, optionsDiffer(b, t)...)
	if len(out) == 0 && b.Fingerprint != t.Fingerprint && b.Executor.Type != ImportedType && t.Executor.Type != ImportedType {
		out = append(out, newChanged("options", "fingerprint", fmt.Sprintf("%.8s", b.Fingerprint), fmt.Sprintf("%.8s", t.Fingerprint)))
	}
	add("driver", value(b.Provenance.Driver), value(t.Provenance.Driver))
	add("side_by_side", cmp.Or(plain(b.Provenance.SideBySide), "no"), cmp.Or(plain(t.Provenance.SideBySide), "no"))
	return out
}

// optionsDiffer lists the options of the LLM API, the variables of the environment and
// what the data set is made of, as far as both results tell them.
func optionsDiffer(b, t *Result) []Changed {
	base, target := b.declared(), t.declared()
	if base.LLMAPIOptions == nil {
		target.LLMAPIOptions = nil
	}
	if target.Env == nil {
		base.Env = nil
	}
	if target.Dataset.Lines == 0 {
		base.Dataset = target.Dataset
	}
	var out []Changed
	for _, c := range plan.Compare(base, target) {
		kind, _, _ := strings.Cut(c.Argument, ".")
		made := c.Argument == "dataset.sha256" && base.Dataset.Generator != nil // follows from the rest
		if kind == "digest" {
			out = append(out, newChanged("image", kind, plain(c.Before), plain(c.After)))
		}
		if kind == "llm_api_options" || kind == "env" || kind == "dataset" && !made {
			out = append(out, newChanged("options", c.Argument, plain(c.Before), plain(c.After)))
		}
	}
	return out
}

// declared is what of a run the options are of.
func (r *Result) declared() *plan.Run {
	return &plan.Run{Image: r.Image, LLMAPIOptions: r.LLMAPIOptions, Env: r.Env, Dataset: r.Dataset, Arguments: r.Arguments}
}

func modelWords(r *Result) string {
	return strings.TrimSuffix(r.Model.Checkpoint+"@"+value(r.Model.Revision), "@")
}

func hardwareWords(r *Result) string {
	return fmt.Sprintf("%dx %s (%d per node)", r.Hardware.GPUs, r.Hardware.GPU, r.Hardware.GPUsPerNode)
}

func lengthWords(r *Result) string {
	u := r.UseCase
	return fmt.Sprintf("%s/%s", plain(u.ISL), plain(u.OSL))
}

// Aspects are what results can differ in beside the flags of trtllm-bench and the
// settings of executors.
var Aspects = []string{"model", "quantization", "hardware", "cluster", "image", "trtllm_version", "use_case", "options", "all"}

// goesWith says what else may differ once something is named.
var goesWith = map[string][]string{
	"image":    {"trtllm_version", "options", "driver"},
	"hardware": {"cluster", "driver"},
	"cluster":  {"driver"},
	"use_case": {"num_requests"},
}

// argumentNames lists the flags of both sides; max_seq_len follows from the lengths.
func (p pair) argumentNames() []string {
	names := argumentNames(p.base.Results[0], p.target.Results[0])
	return slices.DeleteFunc(names, func(name string) bool { return name == "max_seq_len" })
}

// sameArguments reports whether both sides were passed the same, as far as both tell it.
func (p pair) sameArguments() bool {
	b, t := p.base.Results[0].Arguments, p.target.Results[0].Arguments
	for _, name := range p.argumentNames() {
		if was, is := plain(b[name]), plain(t[name]); was != is && was != "" && is != "" {
			return false
		}
	}
	return p.sameLengths()
}

// sameLengths reports whether the mean lengths are those of one use case: a log tells
// what was drawn.
func (p pair) sameLengths() bool {
	b, t := p.base.Results[0].UseCase, p.target.Results[0].UseCase
	near := func(x, y *int) bool {
		return x != nil && y != nil && math.Abs(float64(*x-*y)) <= lengthTolerance*float64(*y)+1
	}
	return near(b.ISL, t.ISL) && near(b.OSL, t.OSL)
}

// leading is the difference that all others go with, none where there is no such one.
// A version says more than the name of its image.
func leading(list []Changed) Changed {
	alone := slices.DeleteFunc(slices.Clone(list), func(d Changed) bool {
		return slices.ContainsFunc(list, func(other Changed) bool { return slices.Contains(goesWith[other.aspect], d.aspect) })
	})
	if len(alone) != 1 {
		return Changed{}
	}
	for _, d := range list {
		if alone[0].aspect == "image" && d.aspect == "trtllm_version" {
			return d
		}
	}
	return alone[0]
}

// refused says why a pair is not compared, "" when it is.
func (p pair) refused(how Comparing) string {
	b, t := p.base.Results[0], p.target.Results[0]
	unranked := Unranked([]RunSummary{p.base, p.target})
	switch {
	case b.Simulated != t.Simulated:
		return "one side is simulated and the other is not"
	case len(unranked) > 0:
		return fmt.Sprintf("the sides differ in %s, which simulations do not account for: measure both", strings.Join(unranked, ", "))
	case p.base.Samples == 0:
		return "the base has no sample that counts: " + string(p.base.Verdict)
	case p.target.Samples == 0:
		return "the target has no sample that counts: " + string(p.target.Verdict)
	}
	allowed := map[string]bool{"driver": true, "side_by_side": true} // observed, and told
	for _, a := range how.Across {
		allowed[a] = true
		for _, more := range goesWith[a] {
			allowed[more] = true
		}
	}
	var unnamed, words []string
	for _, d := range p.differences() {
		if !allowed[d.aspect] && !allowed[d.Argument] && !allowed["all"] {
			words = append(words, d.words())
			if !slices.Contains(unnamed, d.aspect) {
				unnamed = append(unnamed, d.aspect)
			}
		}
	}
	if len(unnamed) == 0 {
		return ""
	}
	return fmt.Sprintf("the sides differ in %s; -across=%s compares them anyway", strings.Join(words, ", "), strings.Join(unnamed, ","))
}

// notes say what to know of one metric of the pair.
func (p pair) notes(metric string) []string {
	var out []string
	if p.waitsDiffer(metric) {
		out = append(out, metric+": one side has unlimited concurrency and holds the time that requests waited")
	}
	if why := p.slosDiffer(metric); why != "" {
		out = append(out, why)
	}
	own := func(s RunSummary) bool { return slices.Contains(noteCodesOf(s), string(failure.DeclaredByUser)) }
	base, target := own(p.base), own(p.target)
	mark := fmt.Sprintf("%s (%s)", catalog.Mark, failure.DeclaredByUser)
	switch {
	case base && target:
		out = append(out, mark)
	case base:
		out = append(out, "base: "+mark)
	case target:
		out = append(out, "target: "+mark)
	}
	for i, run := range []RunSummary{p.base, p.target} {
		suspects := slices.DeleteFunc(slices.Clone(run.Results), func(r *Result) bool { return r.Verdict != Suspect })
		if run.Verdict == Suspect {
			out = append(out, fmt.Sprintf("%s: a sample is suspect (%s)", [...]string{"base", "target"}[i], strings.Join(codes(suspects, (*Result).Code), ", ")))
		}
	}
	return out
}

// slosDiffer says that a metric is of different bounds on the two sides, "" for one that
// is not.
func (p pair) slosDiffer(metric string) string {
	bounds := func(s RunSummary) string {
		for _, r := range s.Results {
			if r.Requests != nil && r.Requests.SLO != nil {
				return r.Requests.SLO.String()
			}
		}
		return ""
	}
	if base, target := bounds(p.base), bounds(p.target); slices.Contains(namesOf(trtllm.RecordMetrics), metric) && base != target {
		return fmt.Sprintf("%s: the base has the slo %s, the target %s", metric, base, target)
	}
	return ""
}

// caveatsDiffer names the notes that only one side has, nil for none.
func (p pair) caveatsDiffer() []string {
	base, target := noteCodesOf(p.base), noteCodesOf(p.target)
	var words []string
	for _, side := range []struct {
		name       string
		has, lacks []string
	}{{"base", base, target}, {"target", target, base}} {
		only := slices.DeleteFunc(slices.Clone(side.has), func(code string) bool { return slices.Contains(side.lacks, code) })
		if len(only) > 0 {
			words = append(words, "only the "+side.name+" has "+strings.Join(only, ", "))
		}
	}
	if words == nil {
		return nil
	}
	return []string{"notes: " + strings.Join(words, "; ")}
}

// noteCodesOf lists the notes of a run's samples, sorted.
func noteCodesOf(s RunSummary) []string {
	var all []Caveat
	for _, r := range s.Results {
		all = append(all, r.Caveats...)
	}
	return slices.Sorted(slices.Values(codes(all, Caveat.code)))
}

// waitsDiffer reports whether a metric holds waiting time on one side alone.
func (p pair) waitsDiffer(metric string) bool {
	m, _ := trtllm.FindMetric(metric)
	return m.Waits && unlimited(p.base.Results[0]) != unlimited(p.target.Results[0])
}

func unlimited(r *Result) bool {
	if _, known := r.Arguments["concurrency"]; !known && r.Executor.Type == ImportedType {
		return false
	}
	n, ok := r.Arguments.Int("concurrency")
	return !ok || n <= 0
}
