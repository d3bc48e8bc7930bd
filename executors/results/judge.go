// Package results turns what a job left into a verdict and numbers: [Judge] looks at the
// [Evidence] of one attempt and gives a [Result]. [NewSet] sums samples up into medians
// with intervals, and a [Set] is written as JSON, CSV or Go benchmark format. Tables for
// people are made elsewhere. A summary of too few samples has no interval, and a warning
// says why.
package results

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"
	"time"

	"github.com/llmbench/llmbench/plan"
	"github.com/llmbench/llmbench/plan/failure"
	"github.com/llmbench/llmbench/plan/trtllm"
	"github.com/llmbench/llmbench/schema/catalog"
)

// Judge says what an attempt that has ended is worth. A whole report decides,
// whatever the exit codes; without one the attempt failed, and the logs and the
// backend tell why.
func Judge(in Evidence) *Result {
	r := newResult(in)
	if in.Damaged != "" {
		r.doubt(failure.RecordDamaged, "%s", in.Damaged)
		r.settle()
		return r
	}
	if report, why := in.report(); report == nil {
		r.Reasons = append(r.Reasons, why)
	} else {
		r.Simulated = r.Simulated || report.Simulated
		r.measure(report)
		r.match(in, report)
		r.doubtTime(in, report)
		r.doubtEnd(in)
		if in.Engine != nil {
			r.Reasons = append(r.Reasons, in.Engine.reasons()...)
		}
		r.doubtPrediction()
		r.doubtHardware(in.Run)
		r.watched(in)
		for _, n := range plan.Notes(in.Run) {
			r.Caveats = append(r.Caveats, Caveat{Metric: n.Metric, Code: n.Code})
		}
		r.record(in, report)
		if in.ChecksSkipped {
			r.Caveats = append(r.Caveats, Caveat{Code: failure.ChecksSkipped})
		}
	}
	r.settle()
	r.Score(in.Run.SLO, in.Requests)
	return r
}

// doubt adds a reason, with the level that its code asks for.
func (r *Result) doubt(code failure.Code, format string, args ...any) {
	r.Reasons = append(r.Reasons, reason(code, format, args...))
}

// record takes what the records of requests tell, and refuses those that are not of the
// report.
func (r *Result) record(in Evidence, report *trtllm.Report) {
	if in.Requests == nil {
		return
	}
	list, err := in.Requests()
	switch {
	case err != nil:
		r.Caveats = append(r.Caveats, Caveat{Code: failure.NoRequestLog, Detail: "the records of its requests cannot be read: " + err.Error()})
	case trtllm.Contradicts(list, report) != "":
		r.doubt(failure.RecordsMismatch, "%s", trtllm.Contradicts(list, report))
	case len(list) > 0:
		if r.Requests = NewRequests(list); r.Requests.Window == nil {
			r.Caveats = append(r.Caveats, Caveat{Code: failure.NoSteadyWindow})
		}
	}
}

func newResult(in Evidence) *Result {
	run := in.Run
	r := &Result{
		Address: run.Address, Fingerprint: run.Fingerprint, Sample: in.Sample, Attempt: in.Attempt,
		Executor: run.Executor, Settings: run.Settings, Cluster: in.Cluster, Simulated: in.Simulated,
		Reasons: []Reason{}, Caveats: []Caveat{},
		Model: run.Model, Hardware: run.Hardware, Image: run.Image, UseCase: run.UseCase, Arguments: run.Arguments,
		LLMAPIOptions: run.LLMAPIOptions, Env: run.Env, Dataset: run.Dataset,
		Engine: cmp.Or(run.Engine, plan.FreshEngine), SharedEngine: in.Engine,
		Estimate: run.Estimate, Job: in.Job, Provenance: in.Provenance, Files: in.Files,
	}
	if r.Job.Nodes == nil {
		r.Job.Nodes = []string{}
	}
	if r.Arguments == nil {
		r.Arguments = trtllm.Arguments{}
	}
	r.Provenance.Argv = append([]string{}, in.Argv...)
	if len(run.Declared) > 0 {
		r.Facts = new(catalog.Mark)
	}
	return r
}

// settle takes the worst level among the reasons as the verdict, and takes the
// numbers away from a result that must not be shown as one.
func (r *Result) settle() {
	r.Verdict = Valid
	for i := range r.Reasons {
		reason := &r.Reasons[i]
		if rank(reason.Level) > rank(r.Verdict) {
			r.Verdict = reason.Level
		}
		reason.Remedy = cmp.Or(reason.Remedy, reason.Code.Entry().Remedy)
	}
	if !r.Counts() {
		r.Metrics, r.Percentiles, r.Caveats, r.Telemetry, r.Energy, r.Requests = nil, trtllm.Spreads{}, []Caveat{}, nil, nil, nil
	}
	r.sayWhatIsMissing()
}

// rank orders verdicts from good to bad; what is none comes before all.
func rank(v Verdict) int {
	return slices.Index([]Verdict{Valid, Suspect, Invalid, Failed, NotMeasured}, v)
}

// report returns the report that the attempt left: report.json, else the one
// printed on stdout. Without a whole one it is nil, and why says what is wrong.
func (in Evidence) report() (report *trtllm.Report, why Reason) {
	if in.Exit != nil && in.Exit.Report != nil && in.Exit.Report.SHA256 != digest(in.Report) {
		if len(in.Report) == 0 {
			return nil, reason(failure.ReportDamaged, "report.json is gone or empty, and the job wrote one")
		}
		return nil, reason(failure.ReportDamaged, "%s", changed("report.json", digest(in.Report), in.Exit.Report.SHA256))
	}
	var broken error
	if len(in.Report) > 0 {
		if report, broken = trtllm.ReadReport(bytes.NewReader(in.Report)); broken == nil {
			return report, Reason{}
		}
	}
	if damage := in.stdoutChanged(); damage != "" {
		return nil, reason(failure.ReportDamaged, "%s", damage)
	}
	report, lacks := in.printed()
	switch {
	case report != nil:
		return report, Reason{}
	case broken != nil:
		return nil, reason(failure.ReportIncomplete, "report.json: %v", broken)
	}
	return nil, whyFailed(in, lacks)
}

func changed(name, is, was string) string {
	return fmt.Sprintf("%s is not what the job wrote: its SHA-256 is %.12s… and was %.12s…", name, is, was)
}

// stdoutChanged says how stdout differs from what the job left, "" where it does
// not, or cannot be told. It reads all of it.
func (in Evidence) stdoutChanged() string {
	if in.Exit == nil || in.Exit.Stdout == nil {
		return ""
	}
	if in.Stdout == nil {
		return "stdout is gone"
	}
	f, err := in.Stdout()
	if errors.Is(err, fs.ErrPermission) {
		return ""
	}
	if err != nil {
		return "stdout cannot be read: " + err.Error()
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "stdout cannot be read: " + err.Error()
	}
	if sum := hex.EncodeToString(h.Sum(nil)); sum != in.Exit.Stdout.SHA256 {
		return changed("stdout", sum, in.Exit.Stdout.SHA256)
	}
	return ""
}

// printed is the whole report that stdout holds. Where it holds a part of one,
// lacks says so.
func (in Evidence) printed() (report *trtllm.Report, lacks string) {
	if in.Stdout == nil {
		return nil, ""
	}
	f, err := in.Stdout()
	if err != nil {
		return nil, ""
	}
	defer f.Close()
	log, err := trtllm.ReadLog(f)
	switch {
	case err != nil, log.Report == nil && log.Partial == nil:
		return nil, ""
	case log.Report == nil:
		return nil, strings.TrimSuffix("the report on stdout breaks off: it lacks "+strings.Join(log.Lacks, ", "), ": it lacks ")
	case log.Report.World.TP == 0 || log.Report.Request.NumRequests == 0:
		return nil, "the report on stdout does not say what it is of"
	}
	log.Report.Simulated = log.Report.Simulated || log.Simulated
	return log.Report, ""
}

func digest(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// timeSlip is how far the clocks of a job may be apart: its times are whole seconds.
const timeSlip = 5 * time.Second

// doubtTime refuses a report that claims more time than its job lived.
func (r *Result) doubtTime(in Evidence, report *trtllm.Report) {
	lived := time.Duration(0)
	switch {
	case in.Exit != nil && in.Exit.Elapsed() > 0:
		lived = in.Exit.Elapsed()
	case in.Job.Started != nil && in.Job.Ended != nil:
		lived = in.Job.Ended.Sub(*in.Job.Started)
	}
	claimed := time.Duration(value(report.Metrics.At(trtllm.TotalLatency)) * float64(time.Millisecond))
	if !report.Simulated && lived > 0 && claimed > lived+timeSlip {
		r.doubt(failure.ImpossibleTime, "the report measured for %s, and its job lived for %s", claimed.Round(time.Second), lived.Round(time.Second))
	}
}

// doubtEnd marks a number whose job ended badly, was suspended, or lay in several blocks.
func (r *Result) doubtEnd(in Evidence) {
	if why := in.unclean(); why != "" {
		r.doubt(failure.UncleanExit, "the report is whole, but %s", why)
	}
	if in.Exit != nil && in.Exit.SuspendedSeconds > 0 {
		r.doubt(failure.Suspended, "the job was suspended for %s while it ran", time.Duration(in.Exit.SuspendedSeconds)*time.Second)
	} else if in.Ended != nil && in.Ended.Suspended {
		r.doubt(failure.Suspended, "the job was suspended while it ran")
	}
	if blocks := value(in.Provenance.Placement); in.OneBlock && strings.Contains(blocks, " ") {
		r.doubt(failure.SeveralBlocks, "the nodes are in the blocks %s, and one was asked for", blocks)
	}
}

// doubtPrediction marks a real throughput outside the interval that the plan
// printed: either the machine or the estimator has something to be found out.
func (r *Result) doubtPrediction() {
	e, measured := r.Estimate, r.Metrics.At(trtllm.OutputThroughputPerGPU)
	if r.Simulated || measured == nil || e == nil || e.OutputThroughputPerGPU == nil {
		return
	}
	if band, got := *e.OutputThroughputPerGPU, *measured; !(got >= band.Low && got <= band.High) {
		r.doubt(failure.OutsidePrediction, "%.0f tok/s/GPU were measured and %.0f to %.0f expected (%+.0f %% of %.0f)",
			got, band.Low, band.High, 100*(got/band.Mid-1), band.Mid)
	}
}

// doubtHardware refuses a number that was measured on another GPU or another
// version than was planned.
func (r *Result) doubtHardware(run *plan.Run) {
	if name := r.Provenance.GPUName; name != nil && !r.Simulated && !namesGPU(*name, r.Hardware.GPU) {
		r.doubt(failure.WrongGPU, "hardware: planned %s%s, measured on %s", r.Hardware.GPU, location(run, "hardware"), *name)
	}
	if v := r.Provenance.TRTLLMVersion; v != nil && !catalog.SameVersion(*v, r.Image.Name, r.Image.TRTLLMVersion) {
		r.doubt(failure.WrongImage, "image: planned TensorRT-LLM %s%s, reported %s", r.Image.TRTLLMVersion, location(run, "image"), *v)
	}
	if want, have := r.Image.Digest, r.Provenance.ImageDigest; want != nil && have != nil && !strings.Contains(*have, *want) {
		r.doubt(failure.WrongImage, "image: planned digest %s%s, measured with %s", *want, location(run, "image"), *have)
	}
}

// namesGPU reports whether a driver's name of a GPU, "NVIDIA GB200", holds the name
// of a kind as a word of its own: a GB200 is no B200.
func namesGPU(shown, kind string) bool {
	words := func(s string) string {
		return " " + strings.Join(strings.FieldsFunc(strings.ToUpper(s), func(r rune) bool { return r == ' ' || r == '-' }), " ") + " "
	}
	return strings.Contains(words(shown), words(kind))
}

// unclean says what was wrong with the end of a job, "" for nothing.
func (in Evidence) unclean() string {
	e := in.Exit
	switch {
	case e == nil && in.Ended != nil && in.Ended.Code != "":
		return "the job left no exit" + withReason(strings.TrimSuffix(string(in.Ended.Code)+": "+in.Ended.Detail, ": "))
	case e == nil:
		return "the job left no exit"
	case e.Signal != "":
		return "the job was stopped by " + e.Signal + withReason(e.Reason)
	case e.BenchRC != nil && *e.BenchRC != 0:
		return fmt.Sprintf("trtllm-bench exited with %d", *e.BenchRC) + withReason(e.Reason)
	case e.RC != 0:
		return fmt.Sprintf("the launcher exited with %d", e.RC) + withReason(e.Reason)
	}
	return ""
}

func withReason(reason string) string {
	if reason == "" {
		return ""
	}
	return " (" + reason + ")"
}
