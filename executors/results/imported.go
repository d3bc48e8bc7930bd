package results

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/llmbench/llmbench/plan"
	"github.com/llmbench/llmbench/plan/failure"
	"github.com/llmbench/llmbench/plan/trtllm"
)

// ImportedType is the executor type of results that llmbench did not measure.
const ImportedType = "imported"

// A Label is what the name of a log in the recipe's own layout tells:
// MODEL_TP8_EP8_PP1_CON-1_USECASE/…_streaming-on_JOB.out.
type Label struct {
	TP, EP, PP  int
	Concurrency int // -1: no limit
	UseCase     string
	// Streaming is nil where the name does not say it; JobID "" likewise.
	Streaming *bool
	JobID     string
}

var (
	recipeName   = regexp.MustCompile(`_TP(\d+)_EP(\d+)_PP(\d+)_CON(-?\d+)_([a-zA-Z0-9]+(?:_[a-zA-Z0-9]+)*?)(?:_streaming-|/|\.|$)`)
	recipeStream = regexp.MustCompile(`_streaming-(on|off)(?:_(\d+))?`)
)

// ReadLabel reads the path of a log; false where it is not of the recipe's
// layout.
func ReadLabel(path string) (Label, bool) {
	m := recipeName.FindStringSubmatch(path)
	if m == nil {
		return Label{}, false
	}
	number := func(s string) int { n, _ := strconv.Atoi(s); return n }
	l := Label{TP: number(m[1]), EP: number(m[2]), PP: number(m[3]), Concurrency: number(m[4]), UseCase: m[5]}
	if l.Concurrency <= 0 {
		l.Concurrency = -1
	}
	if s := recipeStream.FindStringSubmatch(path); s != nil {
		on := s[1] == "on"
		l.Streaming, l.JobID = &on, s[2]
	}
	return l, true
}

// Import makes the result of a report that llmbench did not measure. It takes
// the address of the declared run that the name of the log and the report
// suit, else one of its own. It is never better than suspect: nobody has checked
// what was passed to trtllm-bench.
func Import(path string, report *trtllm.Report, declared []*plan.Run) *Result {
	label, labelled := ReadLabel(path)
	run := suits(label, labelled, report, declared)
	if run == nil {
		run = undeclaredRun(label, labelled, report)
	}
	r := newResult(Evidence{Run: run, Sample: 1, Attempt: 1, Cluster: ImportedType, Simulated: report.Simulated})
	r.Executor, r.Estimate = plan.ExecutorRef{Type: ImportedType}, nil
	r.measure(report)
	r.Reasons = append(r.Reasons, reason(failure.UnverifiedArguments, "imported from %s: what was passed is not known for certain%s", path, label.contradicts(labelled, report)))
	r.settle()
	if label.JobID != "" {
		r.Job.ID = &label.JobID
	}
	r.Files.Stdout = &path
	return r
}

// contradicts says in what the name of a log and its report differ, "" for
// nothing.
func (l Label) contradicts(labelled bool, report *trtllm.Report) string {
	if !labelled {
		return ""
	}
	var words []string
	differs := func(what string, name, report int) {
		if name != report {
			words = append(words, fmt.Sprintf("%s %d and not %d", what, name, report))
		}
	}
	differs("TP", l.TP, report.World.TP)
	differs("PP", l.PP, report.World.PP)
	if ep := report.World.EP; ep != nil {
		differs("EP", l.EP, *ep)
	}
	if l.Streaming != nil && *l.Streaming != report.Streaming {
		words = append(words, fmt.Sprintf("streaming %v and not %v", *l.Streaming, report.Streaming))
	}
	if len(words) == 0 {
		return ""
	}
	return "; its name says " + strings.Join(words, ", ") + " as the report does"
}

// suits finds the declared run that a log is of: by the label in its name, and
// by a report that contradicts none of the run's arguments.
func suits(label Label, labelled bool, report *trtllm.Report, declared []*plan.Run) *plan.Run {
	for _, run := range declared {
		if labelled && !label.suits(run) {
			continue
		}
		if len(match(Evidence{Run: run, Simulated: report.Simulated}, report)) == 0 {
			return run
		}
	}
	return nil
}

func (l Label) suits(run *plan.Run) bool {
	is := func(name string, want int) bool { n, ok := run.Arguments.Int(name); return !ok || n == want }
	c, ok := run.Arguments.Int("concurrency")
	if !ok || c <= 0 {
		c = -1
	}
	return run.UseCase.Label == l.UseCase && is("tp", l.TP) && is("ep", l.EP) && is("pp", l.PP) && c == l.Concurrency &&
		(l.Streaming == nil || *l.Streaming == run.Arguments.Bool("streaming"))
}

// undeclaredRun is as much of a run as a log tells.
func undeclaredRun(label Label, labelled bool, report *trtllm.Report) *plan.Run {
	w, q := report.World, report.Request
	isl, osl := int(q.AvgInputLength+0.5), int(q.AvgOutputLength+0.5)
	name := fmt.Sprintf("isl%d_osl%d", isl, osl)
	concurrency := int64(-1)
	if labelled {
		name, concurrency = label.UseCase, int64(label.Concurrency)
	}
	shown := "unlimited"
	if concurrency > 0 {
		shown = strconv.FormatInt(concurrency, 10)
	}
	args := trtllm.Arguments{
		"tp": int64(w.TP), "pp": int64(w.PP), "max_batch_size": int64(w.MaxBatchSize), "max_num_tokens": int64(w.MaxNumTokens),
		"num_requests": int64(q.NumRequests), "concurrency": concurrency, "streaming": report.Streaming,
	}
	if w.EP != nil {
		args["ep"] = int64(*w.EP)
	}
	run := &plan.Run{
		Address: fmt.Sprintf("imported/use_case=%s/concurrency=%s/tp=%d", name, shown, w.TP),
		Model:   plan.Model{Checkpoint: report.Engine.Model, Quantization: value(report.Engine.Quantization)},
		Image:   plan.Image{TRTLLMVersion: report.Engine.Version}, Arguments: args,
		UseCase: plan.UseCase{Label: name, ISL: &isl, OSL: &osl},
	}
	run.Hardware.GPUs = max(1, w.TP) * max(1, w.PP)
	if m := report.Machine; m != nil {
		run.Hardware.GPU = m.Name
	}
	run.Fingerprint = importedFingerprint(run)
	return run
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
