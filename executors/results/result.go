package results

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/llmbench/llmbench/plan"
	"github.com/llmbench/llmbench/plan/failure"
	"github.com/llmbench/llmbench/plan/noise"
	"github.com/llmbench/llmbench/plan/trtllm"
)

// Verdict is what a result is worth.
type Verdict = failure.Verdict

// The verdicts. Valid and Suspect samples count, the others do not.
const (
	Valid   = failure.Valid
	Suspect = failure.Suspect
	Invalid = failure.Invalid
	Failed  = failure.Failed
)

// NotMeasured is the verdict of a run that is asked for and has no result: it
// stands among the runs of a set and not among its results.
const NotMeasured Verdict = "not_measured"

// Missing stands in a list of results for a run that has none.
func Missing(run *plan.Run, cluster string, simulated bool) *Result {
	r := newResult(Evidence{Run: run, Cluster: cluster, Simulated: simulated})
	r.Verdict = NotMeasured
	return r
}

// A Result is the outcome of one attempt: an element of "results" in the
// results document. All keys are always there; null is "not known" or "does not
// apply".
type Result struct {
	Address     string           `json:"address"`
	Fingerprint string           `json:"fingerprint"`
	Sample      int              `json:"sample"`
	Attempt     int              `json:"attempt"`
	Executor    plan.ExecutorRef `json:"executor"`
	// Settings are the executor's settings that can move the number; the launcher
	// is nil where they are not known.
	Settings  plan.ExecutorIdentity `json:"executor_settings"`
	Cluster   string                `json:"cluster"`
	Simulated bool                  `json:"simulated"`
	Verdict   Verdict               `json:"verdict"`
	Reasons   []Reason              `json:"reasons"`
	Caveats   []Caveat              `json:"caveats"`
	// Facts marks what depends on facts that the user declared (catalog.Mark), nil where
	// all are llmbench's own.
	Facts *string `json:"facts"`

	Model     plan.Model       `json:"model"`
	Hardware  plan.Hardware    `json:"hardware"`
	Image     plan.Image       `json:"image"`
	UseCase   plan.UseCase     `json:"use_case"`
	Arguments trtllm.Arguments `json:"arguments"`
	// LLMAPIOptions, Env and Dataset are as in the plan; nil and empty in documents of
	// 0.1.0, which lack them.
	LLMAPIOptions any                `json:"llm_api_options"`
	Env           map[string]*string `json:"env"`
	Dataset       plan.Dataset       `json:"dataset"`

	// Engine is fresh, or shared with other runs; SharedEngine is then the one that
	// measured, nil where it left no word.
	Engine       string        `json:"engine"`
	SharedEngine *SharedEngine `json:"shared_engine"`

	Metrics     trtllm.PerMetric[*float64] `json:"metrics"`
	Percentiles trtllm.Spreads             `json:"percentiles"`
	Estimate    *plan.Estimate             `json:"estimate"`
	Job         Job                        `json:"job"`
	Provenance  Provenance                 `json:"provenance"`
	// Telemetry is what was sampled on the GPUs while they measured, nil where
	// nothing was.
	Telemetry *Telemetry `json:"telemetry"`
	// Energy is what the report itself says of it, nil before 1.3.
	Energy *trtllm.Energy `json:"energy"`
	// Requests is what the records of requests tell, nil where there are none.
	Requests *Requests `json:"requests"`
	// Iterations is the iteration log as a time series. It is nil unless it was
	// asked for: reading a log takes time.
	Iterations *trtllm.Series `json:"iterations"`
	Files      Files          `json:"files"`
}

// A SharedEngine is a model load on which several runs were measured.
type SharedEngine struct {
	// ID is the job's id and the number of the engine in it.
	ID string `json:"id"`
	// Position is the run's place among those that it measured, from 1.
	Position int `json:"position"`
	// Starts is how many engines its process made, Calls how many the run asked for: 1
	// where all is well.
	Starts int `json:"starts"`
	Calls  int `json:"calls"`
	// LoadSeconds is how long the load took.
	LoadSeconds *float64 `json:"load_s"`
	// DriftPct is by how many percent the output throughput of the first run had changed
	// when it was measured again last; nil where it was not.
	DriftPct *float64 `json:"drift_pct"`
	// Modules are the SHA-256 of the files of TensorRT-LLM that sharing depends on.
	Modules map[string]string `json:"modules"`
	Python  string            `json:"python"`
	// Why says what the engine found wrong with the run, "" for nothing.
	Why string `json:"-"`
	// Noise is the relative standard deviation of samples that was known when the run
	// was submitted, 0 for none: noise.Assumed is taken then.
	Noise float64 `json:"-"`
}

// driftBound is the change in percent that noise explains: two standard deviations of
// the difference of two samples, and 1 % at least, below which nothing matters.
func (e *SharedEngine) driftBound() float64 {
	return max(1, 100*noise.Explains(cmp.Or(e.Noise, noise.Assumed), 1, 1))
}

// reasons doubt what a shared engine measured.
func (e *SharedEngine) reasons() []Reason {
	var out []Reason
	if e.Starts != 1 || e.Calls != 1 {
		out = append(out, reason(failure.ArgumentMismatch, "engine: planned one that is shared, and its process made %d and the run asked for %d", e.Starts, e.Calls))
	}
	if d := e.DriftPct; d != nil && math.Abs(*d) > e.driftBound() {
		out = append(out, reason(failure.EngineDrift, "the first run of engine %s had %+.1f %% output throughput when it was measured again last; noise explains %.1f %%", e.ID, *d, e.driftBound()))
	}
	return out
}

// A Reason is why a result is not simply valid. Level is the verdict that it
// asks for.
type Reason struct {
	Code   failure.Code `json:"code"`
	Level  Verdict      `json:"level"`
	Detail string       `json:"detail"`
	// Of a failure: what to do about it, the host that it names, what the log says around
	// the cause, and how the definition could be changed, as it would stand there. Each is
	// "" for none.
	Remedy string `json:"-"`
	Node   string `json:"-"`
	Log    string `json:"-"`
	Change string `json:"-"`
}

// reason gives a code its level.
func reason(code failure.Code, format string, args ...any) Reason {
	return Reason{Code: code, Level: code.Entry().Verdict, Detail: fmt.Sprintf(format, args...)}
}

// A Caveat is a note that changes no verdict but belongs beside a metric;
// Metric is "" when it is about the whole result.
type Caveat struct {
	// Detail is what the code leaves out, "" for nothing.
	Detail string       `json:"-"`
	Metric plan.Text    `json:"metric"`
	Code   failure.Code `json:"code"`
}

// Job is what is known of the job that ran an attempt. Times are in UTC.
type Job struct {
	ID        *string    `json:"id"`
	Cluster   string     `json:"cluster"`
	Nodes     []string   `json:"nodes"`
	Submitted *time.Time `json:"submitted"`
	Started   *time.Time `json:"started"`
	Ended     *time.Time `json:"ended"`
}

// Provenance is what was observed while measuring. What is not observed is nil,
// and Missing says why under the name of its key.
type Provenance struct {
	ImagePath *string `json:"image_path"`
	// ImageDigest holds the registry's digests of the image, separated by blanks:
	// of the architecture's image, and of the list that has it.
	ImageDigest *string `json:"image_digest"`
	ImageSHA256 *string `json:"image_sha256"`
	// ImageFile tells the files of images apart within a store: size in bytes, and the
	// SHA-256 of the squashfs superblock.
	ImageFile        *string  `json:"image_file"`
	CheckpointSHA256 *string  `json:"checkpoint_sha256"`
	TRTLLMVersion    *string  `json:"trtllm_version"`
	GPUName          *string  `json:"gpu_name"`
	Driver           *string  `json:"driver"`
	CUDA             *string  `json:"cuda"`
	NCCL             *string  `json:"nccl"`
	Clocks           *string  `json:"clocks"`
	PowerCapW        *float64 `json:"power_cap_w"`
	Kernel           *string  `json:"kernel"`
	SlurmVersion     *string  `json:"slurm_version"`
	DefinitionsGit   *string  `json:"definitions_git"`
	LLMBenchVersion  *string  `json:"llmbench_version"`
	ScriptSHA256     *string  `json:"script_sha256"`
	// Placement are the blocks of the topology that the nodes were in, separated by
	// blanks; nil for a run on one node, and where there are no blocks.
	Placement *string `json:"placement"`
	// SideBySide is how many runs at most were measured at once in the job, each on
	// nodes of its own; nil where the run had its job to itself while it was
	// measured.
	SideBySide *int `json:"side_by_side"`
	// Argv is the command line of the benchmark, relative to the attempt's folder.
	Argv    []string          `json:"argv"`
	Missing map[string]string `json:"missing"`
}

// Files are the absolute paths of what an attempt left, nil where it left none.
type Files struct {
	Stdout *string `json:"stdout"`
	Stderr *string `json:"stderr"`
	Report *string `json:"report"`
	// Requests are the records of requests, as trtllm-bench wrote them or as llmbench
	// keeps them.
	Requests *string `json:"requests"`
	// JobOut is the batch script's own output.
	JobOut *string `json:"-"`
}

// Counts reports whether the result is a sample.
func (r *Result) Counts() bool { return r.Verdict == Valid || r.Verdict == Suspect }

// Main is the reason that explains the verdict best, the zero Reason for a valid result.
func (r *Result) Main() Reason {
	if i := slices.IndexFunc(r.Reasons, func(why Reason) bool { return why.Level == r.Verdict }); i >= 0 {
		return r.Reasons[i]
	}
	return Reason{}
}

// Code is the code of the main reason, "" for a valid result.
func (r *Result) Code() failure.Code { return r.Main().Code }

// Cause is the detail of the main reason, or its code where there is no detail.
func (r *Result) Cause() string {
	m := r.Main()
	return cmp.Or(m.Detail, string(m.Code))
}

// Took is the time from the job's start to its end, 0 where either is unknown.
func (r *Result) Took() time.Duration {
	if r.Job.Started == nil || r.Job.Ended == nil {
		return 0
	}
	return max(0, r.Job.Ended.Sub(*r.Job.Started))
}
