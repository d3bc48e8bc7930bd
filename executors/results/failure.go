package results

import (
	"cmp"
	"fmt"
	"io"
	"strings"

	"github.com/llmbench/llmbench/plan/trtllm"
)

// failure is why an attempt without a report failed: the first cause that the
// logs show, unless the job was stopped from outside and what the logs show
// follows from that. A report that is not whole is the best account of a
// failure that nothing else explains.
func failure(in Evidence, lacks string) Reason {
	r := in.failure()
	r.Change = proposal(r, in.Run)
	switch r.Code {
	case "task_exit", "hang", "probable_oom", "lost":
		if lacks != "" {
			return Reason{Code: "report_incomplete", Level: Invalid, Detail: lacks + " (" + r.Detail + ")"}
		}
	}
	return r
}

func (in Evidence) failure() Reason {
	shown, found := in.classify()
	end, stopped := in.told()
	if !stopped {
		if end, stopped = in.signalled(); stopped && found && external(shown.Class) {
			stopped = false // the log says better who sent the signal
		}
	}
	switch {
	case found && shown.Strong && !(stopped && follows(shown.Class, end.Code)):
		return logged(shown.Class, shown)
	case stopped:
		if found && shown.Class == end.Code {
			return logged(end.Code, shown)
		}
		return Reason{Code: end.Code, Level: Failed, Detail: cmp.Or(end.Detail, end.Code), Remedy: remedies[end.Code]}
	case found:
		return logged(shown.Class, shown)
	}
	return in.silent()
}

func logged(code string, f trtllm.Failure) Reason {
	return Reason{Code: code, Level: Failed, Detail: f.Line, Remedy: f.Remedy, Node: f.Node, Log: f.Context}
}

// follows reports whether a failure that the logs show is one that stopping a
// job brings about by itself: ranks that vanish take the others down.
func follows(class, end string) bool {
	switch class {
	case "mpi", "bus_error", "task_exit", "hang", "probable_oom":
		return true
	case "nccl", "network", "request_failed":
		return end == "node_fail" || end == "preempted" || end == "cancelled" || end == "host_oom" || end == "requeue"
	}
	return external(class) && end == "cancelled"
}

// external reports whether a class is a job's being stopped from outside.
func external(class string) bool {
	switch class {
	case "time_limit", "preempted", "node_fail", "requeue", "host_oom":
		return true
	}
	return false
}

// remedies are the next steps after ends that only a backend tells of.
var remedies = map[string]string{
	"time_limit":      "raise time_limit, or lower num_requests",
	"host_oom":        "the node's own memory ran out, often while loading weights: ask for all of it (--mem=0), or set TRT_LLM_DISABLE_LOAD_WEIGHTS_IN_PARALLEL=True in env",
	"cancelled":       "apply again to measure it",
	"preempted":       "apply again; a QOS or partition that is not preempted avoids this",
	"node_fail":       "apply again; exclude the node if it fails again",
	"submit_rejected": "change what the message names, then apply again",
	"blocked":         "change what the message names, then apply again",
	"hang":            "read diagnosis.txt beside the logs, where there is one; apply -retry measures again",
	"lost":            "apply again; job.out and the scheduler's log may tell more",
}

// told is how the job was stopped from outside by the word of the backend, or of
// whoever asked for it.
func (in Evidence) told() (End, bool) {
	if in.Cancelled && (in.Ended == nil || in.Ended.Code == "cancelled" || in.Ended.Code == "lost") {
		return End{Code: "cancelled", Detail: "on request"}, true
	}
	if in.Ended != nil && in.Ended.Code != "" && in.Ended.Code != "lost" {
		return *in.Ended, true
	}
	return End{}, false
}

// signalled is how the job was stopped from outside, by the signal that it saw.
func (in Evidence) signalled() (End, bool) {
	if in.Exit == nil || in.Exit.Signal == "" {
		return End{}, false
	}
	limit := in.Run.TimeLimitSeconds
	switch e := in.Exit; {
	case e.Reason == "time_limit", e.Signal == "USR1", limit > 0 && e.Elapsed.Seconds() >= float64(limit)-lastMinutes:
		return End{Code: "time_limit", Detail: fmt.Sprintf("stopped by %s near its time limit of %d s", e.Signal, limit)}, true
	case remedies[e.Reason] != "":
		return End{Code: e.Reason, Detail: "stopped by " + e.Signal}, true
	}
	return End{Code: "cancelled", Detail: "stopped from outside by " + in.Exit.Signal + withReason(in.Exit.Reason)}, true
}

// lastMinutes is how long before its limit a job may be told to stop, in
// seconds: Slurm counts in minutes and may be one early.
const lastMinutes = 120

// silent is the failure of an attempt whose logs show no cause.
func (in Evidence) silent() Reason {
	r := Reason{Level: Failed}
	switch e := in.Exit; {
	case e == nil:
		r.Code, r.Remedy = "lost", remedies["lost"]
		r.Detail = "the job ended and left neither a report nor an exit"
		if in.Ended != nil && in.Ended.Detail != "" {
			r.Detail = in.Ended.Detail
		}
	case e.BenchRC != nil && *e.BenchRC != 0:
		r.Code, r.Detail = "task_exit", fmt.Sprintf("trtllm-bench exited with %d and its log shows no cause", *e.BenchRC)+withReason(e.Reason)
	case e.RC != 0:
		r.Code, r.Detail = "task_exit", fmt.Sprintf("the step exited with %d and its log shows no cause", e.RC)+withReason(e.Reason)
	default:
		r.Code = "probable_oom"
		r.Detail = "the step ended without a report and without an error" + withReason(e.Reason)
		r.Remedy = "trtllm-bench prints nothing at all when memory runs out in some places: lower kv_cache_free_gpu_mem_fraction, max_num_tokens or max_batch_size"
	}
	return r
}

// words is the code and the detail in one.
func (e *End) words() string {
	if e.Detail == "" {
		return e.Code
	}
	return e.Code + ": " + e.Detail
}

// classify looks for a cause in the logs, what the benchmark itself wrote
// first.
func (in Evidence) classify() (trtllm.Failure, bool) {
	var readers []io.Reader
	for _, open := range []func() (io.ReadCloser, error){in.Stdout, in.Stderr, in.JobOut} {
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
	return trtllm.Classify(io.MultiReader(readers...))
}
