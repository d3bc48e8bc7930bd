package trtllm

import (
	"io"
	"strings"
)

// A Failure is why a run failed, by its output.
type Failure struct {
	// Class is one of the classes in signatures, in lower case with underscores.
	Class string
	// Line is the first line that shows it, as it stands but for length.
	Line string
	// Strong is false for a consequence that is shown for want of a cause.
	Strong bool
	// Remedy says what to do, in a sentence without a full stop.
	Remedy string
	// Node is the host that the line names, "" for none.
	Node string
}

// A signature is a class with what shows it. A line shows it when it has any of
// the marks.
type signature struct {
	class  string
	strong bool
	marks  []string
	remedy string
}

// signatures stand in the order in which they are tried on a line.
var signatures = []signature{
	{"submit_rejected", true, []string{"Batch job submission failed:", "Unable to allocate resources:"}, "change what the message names"},
	{"time_limit", true, []string{"DUE TO TIME LIMIT"}, "raise time_limit, or lower num_requests"},
	{"preempted", true, []string{"DUE TO PREEMPTION"}, "apply again; a QOS or partition that is not preempted avoids this"},
	{"node_fail", true, []string{"DUE TO NODE FAILURE", "Node failure on "}, "apply again; exclude the node if it fails again"},
	{"requeue", true, []string{"DUE TO JOB REQUEUE"}, "apply again"},
	{"host_oom", true, []string{"oom_kill event", "oom-kill event", ": Out Of Memory"}, "the node's own memory ran out: ask for all of it, or set TRT_LLM_DISABLE_LOAD_WEIGHTS_IN_PARALLEL=True in env"},
	{"container", true, []string{"pyxis: child", "failed to import docker image", "couldn't start container", "container start failed", "required plugin spank_pyxis.so"}, "check the image file and the container runtime on the node"},
	{"model_access", true, []string{"GatedRepoError", "Cannot access gated repo", "401 Client Error", "trying to access a gated repo"}, "ask for access to the model on its page and give its path"},
	{"gpu_oom", true, []string{"CUDA out of memory", "OutOfMemoryError", "The model requires at least"}, "lower kv_cache_free_gpu_mem_fraction, max_batch_size or max_num_tokens"},
	{"kv_too_small", true, []string{"KV cache memory is insufficient", "must be large enough to process at least 1 sequence"}, "raise kv_cache_free_gpu_mem_fraction, lower max_batch_size, or use more GPUs"},
	{"cli", true, []string{
		"Error: No such option", "Usage: trtllm-bench", "Extra inputs are not permitted", "validation error", "unexpected keyword argument",
		"world_size must equal to", "tp_size must equal to", "Please don't set both cuda_graph_config", "Invalid value for '--", "are both None",
	}, "change the flag or option that the message names"},
	{"nccl", true, []string{"NCCL error", "NCCL WARN", "ncclUnhandled", "unhandled system error", "unhandled cuda error"}, "read the first rank that failed; a bad link or interface shows here first"},
	{"bus_error", true, []string{"Caught signal 7", ": Bus error", "Segmentation fault"}, "on GB200 often a small /dev/shm: give the container a larger one"},
	{"mpi", true, []string{"MPI_Abort", "MPI_ABORT was invoked", "PMIX ERROR", "PRTE ERROR", "OPAL ERROR", "terminated normally, but 1 process returned"}, "check mpi and the launcher against the container's PMIx"},
	{"request_failed", true, []string{"Requests failed:", "Benchmark failed", "Executor worker returned error", "Executor worker initialization error"}, "read the log above this line"},
	{"hang", true, []string{"Hang detected", "hard-killing all"}, "read the stacks in the log"},
	{"request_failed", false, []string{"Traceback (most recent call last)"}, "read the traceback in the log"},
	{"task_exit", false, []string{"Exited with exit code", ": Killed", ": Terminated", "Force Terminated job"}, "read the log above this line"},
}

// maxFailureLine bounds Failure.Line, in bytes.
const maxFailureLine = 500

// Classify finds the first cause of a failure in a log: one rank's failure makes
// others fail in other words, so that the first strong line counts, and a weak
// one only where there is no strong one. ok is false when nothing is found.
func Classify(r io.Reader) (f Failure, ok bool) {
	lines := newLineReader(r)
	for {
		line, more, err := lines.next()
		if err != nil || !more {
			return f, ok
		}
		found, matched := classifyLine(string(line))
		switch {
		case !matched:
		case found.Strong:
			return found, true
		case !ok:
			f, ok = found, true
		}
	}
}

func classifyLine(line string) (Failure, bool) {
	for _, s := range signatures {
		for _, mark := range s.marks {
			if strings.Contains(line, mark) && !noise(line) {
				return Failure{Class: s.class, Line: shorten(line, mark), Strong: s.strong, Remedy: s.remedy, Node: nodeIn(line)}, true
			}
		}
	}
	return Failure{}, false
}

// noise is what follows from a failure and never tells it.
func noise(line string) bool {
	return strings.Contains(line, "Job step aborted: Waiting up to") || strings.Contains(line, "Connection closed by remote peer")
}

// shorten keeps what stands around mark in a long line.
func shorten(line, mark string) string {
	line = strings.TrimSpace(line)
	if len(line) <= maxFailureLine {
		return strings.ToValidUTF8(line, "?")
	}
	at := max(0, strings.Index(line, mark)-maxFailureLine/5)
	if at+maxFailureLine > len(line) {
		at = len(line) - maxFailureLine
	}
	return strings.ToValidUTF8(line[at:at+maxFailureLine], "?")
}

// nodeIn is the host in "srun: error: HOST: task 3: …" or "… ON HOST CANCELLED
// AT …" or "Node failure on HOST".
func nodeIn(line string) string {
	if rest, ok := strings.CutPrefix(line, "srun: error: "); ok {
		if host, _, found := strings.Cut(rest, ": task"); found && !strings.Contains(host, " ") {
			return host
		}
	}
	for _, mark := range []string{" ON ", "Node failure on "} {
		if _, rest, ok := strings.Cut(line, mark); ok {
			host, _, _ := strings.Cut(rest, " ")
			if host = strings.Trim(host, ".,:"); host != "" {
				return host
			}
		}
	}
	return ""
}
