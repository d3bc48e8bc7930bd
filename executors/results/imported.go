package results

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"github.com/llmbench/llmbench/plan"
	"github.com/llmbench/llmbench/plan/failure"
	"github.com/llmbench/llmbench/plan/trtllm"
)

// ImportedType is the executor type of results that llmbench did not measure.
const ImportedType = "imported"

// An importedLog is what a log that llmbench did not write tells of its run by its name,
// in the recipe's own layout MODEL_TP8_EP8_PP1_CON-1_USECASE/…_streaming-on_JOB.out, and
// by its report.
type importedLog struct {
	labelled    bool // the name is of that layout
	TP, EP, PP  int
	Concurrency int // -1: no limit
	UseCase     string
	// Streaming is nil where the name does not say it; JobID "" likewise.
	Streaming *bool
	JobID     string
	report    *trtllm.Report // nil for a run that failed
}

var (
	recipeName   = regexp.MustCompile(`_TP(\d+)_EP(\d+)_PP(\d+)_CON(-?\d+)_([a-zA-Z0-9]+(?:_[a-zA-Z0-9]+)*?)(?:_streaming-|/|\.|$)`)
	recipeStream = regexp.MustCompile(`_streaming-(on|off)(?:_(\d+))?`)
)

func newImportedLog(path string, report *trtllm.Report) importedLog {
	l := importedLog{report: report}
	m := recipeName.FindStringSubmatch(path)
	if m == nil {
		return l
	}
	number := func(s string) int { n, _ := strconv.Atoi(s); return n }
	l.labelled, l.UseCase = true, m[5]
	l.TP, l.EP, l.PP, l.Concurrency = number(m[1]), number(m[2]), number(m[3]), number(m[4])
	if l.Concurrency <= 0 {
		l.Concurrency = -1
	}
	if s := recipeStream.FindStringSubmatch(path); s != nil {
		l.Streaming, l.JobID = new(s[1] == "on"), s[2]
	}
	return l
}

// A Found is what a log or a report that llmbench did not write tells of one run.
// Report is nil for a run that failed; Reason then says why.
type Found struct {
	// Path is the file, Within where in it, "" for the whole.
	Path, Within string
	Report       *trtllm.Report
	Reason       Reason
	Simulated    bool
}

// Import makes the result of a run that llmbench did not measure. It takes the
// address of the declared run that the name of the log and the report suit, else
// one of its own. A number is never better than suspect: nobody has checked what was
// passed to trtllm-bench.
func Import(found Found, declared []*plan.Run) *Result {
	l := newImportedLog(found.Path, found.Report)
	run, several := l.suits(declared)
	if run == nil {
		run = l.undeclaredRun(found.Path)
	}
	r := newResult(Evidence{Run: run, Sample: 1, Attempt: 1, Cluster: ImportedType, Simulated: found.Simulated})
	r.Executor, r.Estimate = plan.ExecutorRef{Type: ImportedType}, nil
	if found.Report != nil {
		r.measure(found.Report)
		r.hasTokens(found.Report)
		r.doubt(failure.UnverifiedArguments, "imported from %s%s: the arguments are not fully known%s%s",
			found.Path, found.Within, l.contradictions(), several)
	} else {
		found.Reason.Detail = strings.TrimSpace(found.Reason.Detail + " (imported from " + found.Path + several + ")")
		r.Reasons = append(r.Reasons, found.Reason)
	}
	r.settle()
	if l.JobID != "" {
		r.Job.ID = &l.JobID
	}
	r.Files.Stdout = &found.Path
	return r
}

// contradictions says in what the name of a log and its report differ, "" for
// nothing.
func (l importedLog) contradictions() string {
	if !l.labelled {
		return ""
	}
	var words []string
	differs := func(what string, name, report int) {
		if name != report {
			words = append(words, fmt.Sprintf("%s %d and not %d", what, name, report))
		}
	}
	differs("TP", l.TP, l.report.World.TP)
	differs("PP", l.PP, l.report.World.PP)
	if ep := l.report.World.EP; ep != nil {
		differs("EP", l.EP, *ep)
	}
	if on := l.Streaming; on != nil && *on != l.report.Streaming {
		words = append(words, fmt.Sprintf("streaming %v and not %v", *on, l.report.Streaming))
	}
	text := ""
	if len(words) > 0 {
		text = "; its name says " + strings.Join(words, ", ") + " as the report does"
	}
	if why := l.concurrencyDenied(l.Concurrency); why != "" {
		text += "; its name says concurrency " + shownConcurrency(l.Concurrency) + ", but " + why
	}
	return text
}

// The shares of what a concurrency allows that must have been in flight on average
// for a log to be of it: with all requests sent at once, the last is in flight for
// the whole time and the first for hardly any of it.
const (
	leastOfAll   = 0.25
	mostOfLimit  = 1.01
	roundingSlip = 0.5
)

// concurrencyDenied says why a report cannot be of a concurrency, -1 for no limit; ""
// where it can. Requests in flight on average are never more than the limit.
func (l importedLog) concurrencyDenied(limit int) string {
	if l.report == nil || l.report.Request.AvgConcurrent == nil {
		return ""
	}
	got, n := *l.report.Request.AvgConcurrent, l.report.Request.NumRequests
	why := fmt.Sprintf("%s requests were in flight on average", short(got))
	switch {
	case limit > 0 && got > mostOfLimit*float64(limit)+roundingSlip,
		limit > 0 && n >= 2*limit && got < leastConcurrent*float64(limit),
		limit <= 0 && n > 1 && got < leastOfAll*float64(n):
		return why
	}
	return ""
}

// suits finds the declared run that a log is of: by the label in its name, and by a
// report that contradicts none of the run's arguments. A log that suits several is
// of none; several names them.
func (l importedLog) suits(declared []*plan.Run) (run *plan.Run, several string) {
	var fits []string
	for _, d := range declared {
		if l.suitsName(d) && (l.report == nil || l.suitsReport(d)) {
			run, fits = d, append(fits, d.Address)
		}
	}
	if n := len(fits); n > 1 {
		if n > 3 {
			fits = append(fits[:2], fmt.Sprintf("%d more", n-2))
		}
		return nil, "; it matches " + strings.Join(fits, " and ") + " alike, so it is taken for none of them"
	}
	return run, ""
}

func concurrencyOf(run *plan.Run) int {
	if c, ok := run.Arguments.Int("concurrency"); ok && c > 0 {
		return c
	}
	return -1
}

// suitsName reports whether the name can be that of a run: one without a label can be
// that of any which has a report.
func (l importedLog) suitsName(run *plan.Run) bool {
	is := func(name string, want int) bool { n, ok := run.Arguments.Int(name); return !ok || n == want }
	return !l.labelled && l.report != nil ||
		l.labelled && run.UseCase.Label == l.UseCase && is("tp", l.TP) && is("ep", l.EP) && is("pp", l.PP) &&
			concurrencyOf(run) == l.Concurrency && (l.Streaming == nil || *l.Streaming == run.Arguments.Bool("streaming"))
}

func (l importedLog) suitsReport(run *plan.Run) bool {
	requests, batch := requestsOf(run), whole(run.Arguments, "max_batch_size")
	if requests > 0 && requests != l.report.Request.NumRequests || batch > 0 && batch != l.report.World.MaxBatchSize {
		return false // match takes ten times as long to tell
	}
	var r Result
	r.match(Evidence{Run: run, Simulated: l.report.Simulated}, l.report)
	return len(r.Reasons) == 0 && l.concurrencyDenied(concurrencyOf(run)) == ""
}

// shownConcurrency is a concurrency as addresses have it.
func shownConcurrency(n int) string {
	if n <= 0 {
		return "unlimited"
	}
	return strconv.Itoa(n)
}

// undeclaredRun is as much of a run as a log tells. A concurrency that neither its
// name nor its report tells is unknown, which is not unlimited.
func (l importedLog) undeclaredRun(path string) *plan.Run {
	run := &plan.Run{Arguments: trtllm.Arguments{}}
	shape, concurrency, tp, pp := "unknown", "unknown", l.TP, l.PP
	if l.report != nil {
		shape, tp, pp = l.fillFrom(run), l.report.World.TP, l.report.World.PP
	}
	if l.labelled {
		shape = l.UseCase
		if l.concurrencyDenied(l.Concurrency) == "" {
			concurrency = shownConcurrency(l.Concurrency)
			run.Arguments["concurrency"] = int64(l.Concurrency)
		}
	}
	run.UseCase.Label = shape
	run.Address = fmt.Sprintf("imported/use_case=%s/concurrency=%s/tp=%d/pp=%d", shape, concurrency, tp, max(1, pp))
	if l.report == nil && !l.labelled {
		run.Address = "imported/log=" + strings.Trim(notInAddress.ReplaceAllString(filepath.Base(path), "_"), "_")
	}
	run.Fingerprint = importedFingerprint(run)
	return run
}

var notInAddress = regexp.MustCompile(`[^A-Za-z0-9.]+`)

// fillFrom takes over what a report tells of its run, and returns a name for its
// lengths.
func (l importedLog) fillFrom(run *plan.Run) (shape string) {
	report := l.report
	w, q := report.World, report.Request
	isl, osl := int(q.AvgInputLength+0.5), int(q.AvgOutputLength+0.5)
	run.Arguments = trtllm.Arguments{
		"tp": int64(w.TP), "pp": int64(w.PP), "max_batch_size": int64(w.MaxBatchSize), "max_num_tokens": int64(w.MaxNumTokens),
		"num_requests": int64(q.NumRequests), "streaming": report.Streaming,
	}
	if w.EP != nil {
		run.Arguments["ep"] = int64(*w.EP)
	}
	run.Model = plan.Model{Checkpoint: report.Engine.Model, Quantization: value(report.Engine.Quantization)}
	run.Image = plan.Image{TRTLLMVersion: report.Engine.Version}
	run.UseCase = plan.UseCase{ISL: &isl, OSL: &osl}
	run.Hardware.GPUs = max(1, w.TP) * max(1, w.PP)
	if m := report.Machine; m != nil {
		run.Hardware.GPU = m.Name
	}
	return fmt.Sprintf("isl%d_osl%d", isl, osl)
}

// importedFingerprint tells logs apart that are not samples of one run, by all
// that they tell of it.
func importedFingerprint(run *plan.Run) string {
	b, err := json.Marshal([]any{run.Address, run.Model, run.Hardware, run.Image, run.UseCase, run.Arguments})
	if err != nil {
		panic("results: " + err.Error())
	}
	return digest(b)
}
