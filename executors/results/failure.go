package results

import (
	"cmp"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"

	"github.com/llmbench/llmbench/plan"
	"github.com/llmbench/llmbench/plan/failure"
	"github.com/llmbench/llmbench/plan/trtllm"
)

// whyFailed is why an attempt without a report failed: the first cause that the
// logs show, unless the job was stopped from outside and what the logs show
// follows from that. A report that is not whole is the best account of a
// failure that nothing else explains.
func whyFailed(in Evidence, lacks string) Reason {
	r := in.failure()
	r.Change = proposal(r, in.Run)
	switch r.Code {
	case failure.TaskExit, failure.Hang, failure.ProbableOOM, failure.Lost:
		if lacks != "" {
			return reason(failure.ReportIncomplete, "%s (%s)", lacks, r.Detail)
		}
	}
	return r
}

func (in Evidence) failure() Reason {
	shown, found := in.classify()
	end := in.told()
	if end == nil {
		if end = in.signalled(); found && shown.Code.Entry().Stop != failure.NotStopped {
			end = nil // the log says better who sent the signal
		}
	}
	bench := -1
	if in.Exit != nil && in.Exit.BenchRC != nil {
		bench = *in.Exit.BenchRC
	}
	switch {
	case found && (shown.Strong && (end == nil || !follows(shown.Code, end.Code)) || end != nil && shown.Code == end.Code):
		return in.logged(shown)
	case end != nil:
		return Reason{
			Code: end.Code, Level: Failed, Detail: cmp.Or(end.Detail, string(end.Code)),
			Remedy: in.classifier().Remedy(end.Code, end.Detail), Node: in.nodeOf(end.Code, trtllm.Failure{}),
		}
	case bench == 126 || bench == 127: // a shell's for no such program, which it tells in the language of the site
		return reason(failure.CLI, "the shell could not find or execute the program (status %d)", bench)
	case found:
		return in.logged(shown)
	}
	return in.silent()
}

// launchFailed is how srun tells that a task did not start; it names no node.
var launchFailed = regexp.MustCompile(`\btasks? (\d+)\S* launch failed`)

// nodeOf is the node that a failure names, or that of the task which it names: tasks
// are dealt to the nodes of a job in blocks. Where there is one node it is that, if the
// failure may be a node's.
func (in Evidence) nodeOf(code failure.Code, f trtllm.Failure) string {
	h, nodes := in.Run.Hardware, in.Job.Nodes
	switch {
	case f.Node != "" || f.Everywhere || len(nodes) != h.Nodes:
		return f.Node
	case h.Nodes == 1 && code.Entry().Retry == failure.Elsewhere:
		return nodes[0]
	}
	if m := launchFailed.FindStringSubmatch(f.Line); m != nil {
		if task, err := strconv.Atoi(m[1]); err == nil {
			return in.nodeOfRank(task)
		}
	}
	return ""
}

// nodeOfRank returns the name of a rank's node, "" if it is not known.
func (in Evidence) nodeOfRank(rank int) string {
	h, nodes := in.Run.Hardware, in.Job.Nodes
	if h.GPUsPerNode == 0 || len(nodes) != h.Nodes || rank/h.GPUsPerNode >= len(nodes) {
		return ""
	}
	return nodes[rank/h.GPUsPerNode]
}

func (in Evidence) logged(f trtllm.Failure) Reason {
	return Reason{Code: f.Code, Level: Failed, Detail: f.Line, Remedy: f.Remedy, Node: in.nodeOf(f.Code, f), Log: f.Context}
}

// follows reports whether a failure that the logs show is one that stopping a
// job brings about by itself: ranks that vanish take the others down.
func follows(shown, end failure.Code) bool {
	e := shown.Entry()
	switch e.Follows {
	case failure.FollowsAny:
		return true
	case failure.FollowsTorn:
		return end.Entry().Stop == failure.Torn
	}
	return e.Stop != failure.NotStopped && end == failure.Cancelled
}

// told is how the job was stopped from outside by the word of the backend, or of
// whoever asked for it; nil where nobody says so.
func (in Evidence) told() *End {
	lost := in.Ended != nil && in.Ended.Code == failure.Lost
	switch {
	case in.Cancelled && (in.Ended == nil || lost || in.Ended.Code == failure.Cancelled):
		return &End{Code: failure.Cancelled, Detail: "on request"}
	case in.Ended != nil && in.Ended.Code != "" && !lost:
		return in.Ended
	}
	return nil
}

// signalled is how the job was stopped from outside, by the signal that it saw; nil for
// none.
func (in Evidence) signalled() *End {
	if in.Exit == nil || in.Exit.Signal == "" {
		return nil
	}
	limit := in.Run.TimeLimitSeconds
	switch e := in.Exit; {
	case failure.Code(e.Reason) == failure.TimeLimit, e.Signal == "USR1", limit > 0 && e.Elapsed().Seconds() >= float64(limit)-lastMinutes:
		return &End{Code: failure.TimeLimit, Detail: fmt.Sprintf("stopped by %s near its time limit of %d s", e.Signal, limit)}
	case failure.Code(e.Reason).Entry().Verdict == Failed:
		return &End{Code: failure.Code(e.Reason), Detail: "stopped by " + e.Signal}
	}
	return &End{Code: failure.Cancelled, Detail: "stopped from outside by " + in.Exit.Signal + withReason(in.Exit.Reason)}
}

// lastMinutes is how long before its limit a job may be told to stop, in
// seconds: Slurm counts in minutes and may be one early.
const lastMinutes = 120

// silent is the failure of an attempt whose logs show no cause.
func (in Evidence) silent() Reason {
	switch e := in.Exit; {
	case e == nil && in.Ended != nil && in.Ended.Detail != "":
		return reason(failure.Lost, "%s", in.Ended.Detail)
	case e == nil:
		return reason(failure.Lost, "the job ended without a report or an exit record")
	case e.BenchRC != nil && *e.BenchRC != 0:
		return reason(failure.TaskExit, "trtllm-bench exited with %d and its log shows no cause%s", *e.BenchRC, withReason(e.Reason))
	case e.RC != 0:
		return reason(failure.TaskExit, "the step exited with %d and its log shows no cause%s", e.RC, withReason(e.Reason))
	default:
		return reason(failure.ProbableOOM, "the step ended without a report and without an error%s", withReason(e.Reason))
	}
}

// classify looks for a cause in the logs of the first rank and the script, and where
// these show none that is certain in those of the other ranks.
func (in Evidence) classify() (trtllm.Failure, bool) {
	best, ok := in.cause(in.Stdout, in.Stderr, in.JobOut)
	for _, r := range in.Ranks {
		if ok && distance(best) == 0 {
			break
		}
		f, found := in.cause(r.Stdout, r.Stderr)
		if !found || ok && distance(f) >= distance(best) {
			continue
		}
		if f.Node == "" && !f.Everywhere && f.Code.Entry().Retry == failure.Elsewhere {
			f.Node = in.nodeOfRank(r.Rank)
		}
		f.Line = fmt.Sprintf("rank %d: %s", r.Rank, f.Line)
		best, ok = f, true
	}
	return best, ok
}

// distance is how far a failure that one of several ranks shows is from the cause:
// where one rank is lost, the others fail in words of their own.
func distance(f trtllm.Failure) int {
	d := 2 * int(f.Code.Entry().Follows)
	if f.Code == failure.TaskExit {
		d++
	}
	if !f.Strong {
		d += 10
	}
	return d
}

// cause looks for a cause in logs, what stands first first.
func (in Evidence) cause(logs ...func() (io.ReadCloser, error)) (trtllm.Failure, bool) {
	var readers []io.Reader
	for _, open := range logs {
		if open == nil {
			continue
		}
		f, err := open()
		if err != nil {
			continue
		}
		defer f.Close()
		readers = append(readers, f, strings.NewReader("\n"))
	}
	return in.classifier().Classify(io.MultiReader(readers...))
}

func (in Evidence) classifier() *trtllm.Classifier {
	if in.Classifier == nil {
		return trtllm.NewClassifier(failure.Patterns{})
	}
	return in.Classifier
}

// proposal is a change of the definition that a failure asks for, as it would
// stand there, "" where none follows from the run alone.
func proposal(r Reason, run *plan.Run) string {
	said := strings.ToLower(r.Detail)
	switch r.Code.Entry().Change {
	case failure.NoChange:
		return ""
	case failure.LongerLimit:
		if run.TimeLimitSeconds > 0 {
			return fmt.Sprintf("time_limit = %q", minutes(2*run.TimeLimitSeconds))
		}
	case failure.LessGPUMemory:
		if strings.Contains(said, "requires at least") {
			return fmt.Sprintf("gpus = %d in hardware %q, or a checkpoint of lower precision", 2*run.Hardware.GPUs, run.Hardware.Label)
		}
		return lessMemory(run)
	case failure.MoreKVCache:
		if f, ok := run.Arguments.Float(kvFraction); ok && f < 0.95 {
			return kvFraction + " = 0.95"
		}
		return halved(run, "max_batch_size", 1)
	case failure.AllHostMemory:
		return `extra_args = ["--mem=0"] in the executor, which asks for all memory of the nodes`
	case failure.OneNVLinkDomain:
		if strings.Contains(said, "cuda_error_not_supported") {
			return `segment = true in the executor`
		}
	case failure.PMIx:
		if strings.Contains(said, "pmi support") {
			return `mpi = "pmix" in the executor`
		}
	}
	return ""
}

const kvFraction = "kv_cache_free_gpu_mem_fraction"

// lessMemory lowers what takes memory beside the weights: first the part of the
// KV cache, then the tokens of a step, then the batch.
func lessMemory(run *plan.Run) string {
	if f, ok := run.Arguments.Float(kvFraction); ok && f > 0.75 {
		return fmt.Sprintf("%s = %.2g", kvFraction, f-0.1)
	}
	if change := halved(run, "max_num_tokens", 2048); change != "" {
		return change
	}
	return halved(run, "max_batch_size", 1)
}

// halved proposes half of an argument, "" where that is below least.
func halved(run *plan.Run, name string, least int) string {
	if n, ok := run.Arguments.Int(name); ok && n/2 >= least {
		return fmt.Sprintf("%s = %d", name, n/2)
	}
	return ""
}

func minutes(seconds int) string {
	if m := (seconds + 59) / 60; m%60 != 0 {
		return fmt.Sprintf("%dm", m)
	}
	return fmt.Sprintf("%dh", (seconds+59)/3600)
}
