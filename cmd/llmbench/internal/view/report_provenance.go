package view

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/llmbench/llmbench/executors/results"
)

type reportFact struct{ Name, Value string }

type provenanceFact struct {
	name string
	of   func(*results.Result) string
}

var provenanceFacts = []provenanceFact{
	{"model", func(r *results.Result) string {
		if r.Model.Revision == nil {
			return r.Model.Checkpoint + ", revision not pinned"
		}
		return r.Model.Checkpoint + "@" + *r.Model.Revision
	}},
	{"quantization", func(r *results.Result) string { return r.Model.Quantization }},
	{"hardware", func(r *results.Result) string {
		return fmt.Sprintf("%dx %s, %d per node", r.Hardware.GPUs, r.Hardware.GPU, r.Hardware.GPUsPerNode)
	}},
	{"image", func(r *results.Result) string { return r.Image.Name }},
	{"image file", func(r *results.Result) string { return textOr("%s", r.Provenance.ImagePath) }},
	{"image digest", func(r *results.Result) string { return textOr("%s", r.Provenance.ImageDigest) }},
	{"image SHA-256", func(r *results.Result) string { return textOr("%.12s", r.Provenance.ImageSHA256) }},
	{"TensorRT-LLM", func(r *results.Result) string { return textOr("%s", r.Provenance.TRTLLMVersion) }},
	{"cluster", func(r *results.Result) string { return r.Cluster }},
	{"GPU", func(r *results.Result) string { return textOr("%s", r.Provenance.GPUName) }},
	{"driver", func(r *results.Result) string { return textOr("%s", r.Provenance.Driver) }},
	{"CUDA", func(r *results.Result) string { return textOr("%s", r.Provenance.CUDA) }},
	{"power cap", func(r *results.Result) string { return textOr("%.0f W", r.Provenance.PowerCapW) }},
	{"clocks", func(r *results.Result) string { return textOr("%s", r.Provenance.Clocks) }},
	{"NCCL", func(r *results.Result) string { return textOr("%s", r.Provenance.NCCL) }},
	{"kernel", func(r *results.Result) string { return textOr("%s", r.Provenance.Kernel) }},
	{"Slurm", func(r *results.Result) string { return textOr("%s", r.Provenance.SlurmVersion) }},
	{"definitions", func(r *results.Result) string { return textOr("%s", r.Provenance.DefinitionsGit) }},
	{"llmbench", func(r *results.Result) string { return textOr("%s", r.Provenance.LLMBenchVersion) }},
	{"script SHA-256", func(r *results.Result) string { return textOr("%.12s", r.Provenance.ScriptSHA256) }},
	{"job", ofJob(func(r *results.Result) string { return textOr("%s", r.Job.ID) })},
	{"engine", engineText},
	{"nodes", ofJob(func(r *results.Result) string { return cmp.Or(strings.Join(r.Job.Nodes, " "), notKnown) })},
	{"beside it", ofJob(func(r *results.Result) string { // what was measured at the same time in the same job
		if n := r.Provenance.SideBySide; n != nil {
			return fmt.Sprintf("up to %s of its job, on other nodes", Plural(*n-1, "run"))
		}
		return "-"
	})},
	{"started", ofJob(func(r *results.Result) string {
		if r.Job.Started == nil {
			return notKnown
		}
		return minute(r.Job.Started) + " UTC"
	})},
	{"took", ofJob(func(r *results.Result) string {
		if r.Took() == 0 {
			return notKnown
		}
		return took(r.Took())
	})},
}

// ofJob leaves out jobs that live inside llmbench.
func ofJob(of func(*results.Result) string) func(*results.Result) string {
	return func(r *results.Result) string {
		if r.Executor.Type == simulate {
			return "-"
		}
		return of(r)
	}
}

const simulate = "simulate"

// headFacts are those that head the report.
var headFacts = []string{"cluster", "hardware", "model", "quantization", "image", "TensorRT-LLM", "definitions"}

// reportProvenance is what all samples that count share, what they do not, and what is not known.
func reportProvenance(set *results.Set) (shared []reportFact, differ []provenanceFact, missing []reportFact) {
	var list []*results.Result
	for _, r := range set.Results {
		if r.Counts() {
			list = append(list, r)
		}
	}
	for _, fact := range provenanceFacts {
		other := slices.ContainsFunc(list, func(r *results.Result) bool { return fact.of(r) != fact.of(list[0]) })
		switch {
		case len(list) == 0 || other:
			differ = append(differ, fact)
		case !slices.Contains(headFacts, fact.name) && fact.of(list[0]) != notKnown && fact.of(list[0]) != "-":
			shared = append(shared, reportFact{fact.name, fact.of(list[0])})
		}
	}
	return shared, differ, missingFacts(list)
}

// missingFacts say why something is not known: each reason once, with what it is the reason for.
func missingFacts(list []*results.Result) []reportFact {
	var whys tally[string]
	for _, r := range list {
		for _, name := range sortedKeys(r.Provenance.Missing) {
			whys.add(r.Provenance.Missing[name], name)
		}
	}
	var out []reportFact
	for _, why := range whys.keys {
		out = append(out, reportFact{strings.Join(whys.of[why], ", "), why})
	}
	return out
}

const notKnown = "not known"

// textOr is a value in a format, where it is known.
func textOr[T any](format string, v *T) string {
	if v == nil {
		return notKnown
	}
	return fmt.Sprintf(format, *v)
}
