package plan

import (
	"encoding/json"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"sync"

	"github.com/hashicorp/hcl/v2"

	"github.com/llmbench/llmbench/plan/failure"
	"github.com/llmbench/llmbench/plan/trtllm"
	"github.com/llmbench/llmbench/schema/catalog"
)

// A Run is one cell of the definitions made concrete: one trtllm-bench
// invocation with its identity and what is known of it. Its command and its job follow
// from it. Its JSON form, with both, is document.Run: every key is always there and null
// stands for "not applicable" or "not known".
type Run struct {
	// Address names the run in the definitions, as a Go benchmark name:
	// max_throughput/use_case=chat/concurrency=64.
	Address string `json:"address"`
	// Action is what apply would do, Reason why, in a few words.
	Action Action `json:"action"`
	Reason string `json:"reason"`
	// Fingerprint is the lower-case hexadecimal SHA-256 of everything declared
	// that can move the number (see Identity).
	Fingerprint        string      `json:"fingerprint"`
	FingerprintVersion int         `json:"fingerprint_version"`
	Changes            []Change    `json:"changes"`
	State              Samples     `json:"state"`
	Model              Model       `json:"model"`
	Hardware           Hardware    `json:"hardware"`
	Image              Image       `json:"image"`
	UseCase            UseCase     `json:"use_case"`
	Dataset            Dataset     `json:"dataset"`
	Executor           ExecutorRef `json:"executor"`
	// Simulated says that the run measures nothing real.
	Simulated bool `json:"simulated"`
	// Settings are the executor's settings that can move the number.
	Settings ExecutorIdentity `json:"executor_settings"`
	// Engine is "fresh" for a run that loads the model itself, "shared" for one of
	// several on one load.
	Engine           string `json:"engine"`
	TimeLimitSeconds int    `json:"time_limit_seconds"`
	// RequestLog asks trtllm-bench for the records of requests, which the SLO is judged
	// by; neither moves the number.
	RequestLog bool               `json:"request_log"`
	SLO        *SLO               `json:"slo"`
	Env        map[string]*string `json:"env"`
	// Arguments holds every flag of trtllm-bench throughput that the image's
	// version has; a flag that is not passed is null.
	Arguments trtllm.Arguments `json:"arguments"`
	// Declared are the facts that the run depends on and that the user declared in a
	// file beside the definitions: "cell (facts.catalog.hcl)". What is not among them
	// is llmbench's own. Facts is the source of the declared ones, "" for none.
	Declared []string `json:"declared"`
	Facts    string   `json:"-"`
	// LLMAPIOptions is the options file as emitted.
	LLMAPIOptions any       `json:"llm_api_options"`
	Origins       Origins   `json:"origins"`
	Notes         []Note    `json:"notes"`
	Estimate      *Estimate `json:"estimate"`
	// Asked is the round of a search that measures the run now, zero for none.
	Asked InRound `json:"-"`

	cluster   string // where stored results count
	transient bool   // its job ends with the process that submits it
	retries   int    // new attempts after failures of the infrastructure
	renderer  JobRenderer
	options   *optionsPart // of a run that Build made
	shared    []*Job       // the jobs of several that measure it; nil for a job of its own
	precision precision
}

// Model is the model of a run as declared.
type Model struct {
	Label        string  `json:"label"`
	Checkpoint   string  `json:"checkpoint"`
	Revision     *string `json:"revision"`
	Path         *string `json:"path"`
	Quantization string  `json:"quantization"`
}

// Hardware is the hardware of a run. Nodes is GPUs divided by GPUsPerNode.
type Hardware struct {
	Label       string `json:"label"`
	GPU         string `json:"gpu"`
	GPUs        int    `json:"gpus"`
	GPUsPerNode int    `json:"gpus_per_node"`
	Nodes       int    `json:"nodes"`
}

// Image is the container image of a run. TRTLLMVersion is the version that the
// definitions say is inside it.
type Image struct {
	Label         string  `json:"label"`
	Name          string  `json:"name"`
	Digest        *string `json:"digest"`
	TRTLLMVersion string  `json:"trtllm_version"`
}

// UseCase is the traffic of a run in tokens. The numbers are null for a data
// set of the user's own.
type UseCase struct {
	Label    string   `json:"label"`
	ISL      *int     `json:"isl"`
	OSL      *int     `json:"osl"`
	ISLStdev *float64 `json:"isl_stdev"`
	OSLStdev *float64 `json:"osl_stdev"`
	Seed     *int64   `json:"seed"`
}

// Dataset says where the requests come from: a generator with its seed, or the
// user's own file with its path and the SHA-256 of the lines that are read.
type Dataset struct {
	Generator *string `json:"generator"`
	Seed      *int64  `json:"seed"`
	Lines     int     `json:"rows"`
	SHA256    *string `json:"sha256"`
	Path      *string `json:"path"`
}

// ExecutorRef names the executor block that a run goes to.
type ExecutorRef struct {
	Type string `json:"type"`
	Name Text   `json:"name"`
}

// A Text is written as null where it is empty: there is none, or it does not
// apply.
type Text string

// MarshalJSON writes null for "".
func (t Text) MarshalJSON() ([]byte, error) {
	if t == "" {
		return []byte("null"), nil
	}
	return json.Marshal(string(t))
}

// AttemptPlaceholder is replaced in a job's argv by "s1-a1-" and six random
// digits for attempt 1 of sample 1, so that every job has a name of its own.
const AttemptPlaceholder = "{attempt}"

// Step is one command of a run, with the files that it reads. Paths are
// relative to the attempt folder, which is the working directory.
type Step struct {
	Name  string            `json:"name"`
	Argv  []string          `json:"argv"`
	Files map[string]string `json:"files"`
}

// Note is something to know about a run or one of its metrics. Level is note,
// suspect or invalid; Metric is empty when the note is about the whole run.
type Note struct {
	Code   failure.Code    `json:"code"`
	Level  failure.Verdict `json:"level"`
	Metric Text            `json:"metric"`
	Detail string          `json:"detail"`
}

// Free reports whether the run holds no GPU: it is simulated in this process.
func (r *Run) Free() bool { return r.Simulated && r.transient }

// Free reports whether no run of the plan holds a GPU, so that no cost limit
// concerns it.
func (p *Plan) Free() bool {
	return !slices.ContainsFunc(p.Runs, func(r *Run) bool { return !r.Free() })
}

// Simulated reports whether some run of the plan measures nothing real.
func (p *Plan) Simulated() bool {
	return slices.ContainsFunc(p.Runs, func(r *Run) bool { return r.Simulated })
}

// A NamedFile is a file or folder that a flag or an option of a run names.
type NamedFile struct {
	Argument string // "llm_api_options.moe_config.load_balancer"
	Path     string
}

// Files are the files and folders that flags and options of the run name, beside its
// weights and its data set: they must be there, and seen inside the container.
func (r *Run) Files() []NamedFile {
	var out []NamedFile
	add := func(argument string, value any) {
		switch v := value.(type) {
		case string:
			out = append(out, NamedFile{argument, v})
		case []string:
			for _, p := range v {
				out = append(out, NamedFile{argument, p})
			}
		case []any:
			for _, p := range v {
				out = append(out, NamedFile{argument, fmt.Sprint(p)})
			}
		}
	}
	v := r.version()
	for _, f := range v.Flags {
		if f.File && f.Ours == "" && f.Name != "workspace" { // which trtllm-bench makes
			add(f.Name, r.Arguments[f.Name])
		}
	}
	options := map[string]any{}
	leaves(options, "llm_api_options", r.LLMAPIOptions)
	for _, name := range slices.Sorted(maps.Keys(options)) {
		if o, ok := v.Option(strings.TrimPrefix(name, "llm_api_options.")); ok && o.File {
			add(name, options[name])
		}
	}
	return out
}

// version has the facts of the run's version of TensorRT-LLM, the declared ones among
// them.
func (r *Run) version() *catalog.Version {
	return versionOf(declaredCatalog(r.Facts), r.Image.TRTLLMVersion)
}

// declaredCatalogs caches extended catalogues by the source of their facts.
var declaredCatalogs sync.Map

// declaredCatalog is llmbench's catalogue extended by facts that were checked.
func declaredCatalog(text string) *catalog.Catalog {
	if text == "" {
		return catalog.Load()
	}
	if c, ok := declaredCatalogs.Load(text); ok {
		return c.(*catalog.Catalog)
	}
	file, _ := catalog.Parse([]byte(text), FactsFile)
	c, _ := catalog.Load().Extend([]*hcl.File{file})
	declaredCatalogs.Store(text, c)
	return c
}

// files refuses names of files that a job would not find: it runs in the attempt's
// folder, without a network.
func (c candidate) files() hcl.Diagnostics {
	var diags hcl.Diagnostics
	for _, f := range c.run.Files() {
		switch {
		case !path.IsAbs(f.Path):
			diags = append(diags, c.refuse(f.Argument, "Path is not absolute",
				"%s is %q. Jobs run in their own folder and without a network, so relative paths and names on a hub do not work there. Give the absolute path of a file or downloaded folder on a file system that all nodes share.", f.Argument, f.Path)...)
		case strings.ContainsAny(f.Path, ",:"):
			diags = append(diags, c.refuse(f.Argument, "Path cannot be mounted",
				"%s is %q. Container mounts use commas and colons as separators, so the path must not contain them.", f.Argument, f.Path)...)
		}
	}
	return diags
}
