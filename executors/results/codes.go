package results

import "slices"

// A Code is what a reason or a caveat is called in documents.
type Code struct {
	Name string
	// Level is the verdict that the code asks for, or "note": it changes none.
	Level Verdict
	// Rule is when it is given, Remedy what to do; more particular remedies may
	// stand with a reason.
	Rule, Remedy string
}

// Note is the level of codes that change no verdict.
const Note Verdict = "note"

// Codes lists all codes by their level, from bad to good.
var Codes = slices.Concat(codesFailed, codesInvalid, codesSuspect, codesNote)

var codesFailed = []Code{
	{"gpu_oom", Failed, "A log shows that a GPU's memory ran out.", "lower kv_cache_free_gpu_mem_fraction, max_num_tokens or max_batch_size, or use more GPUs"},
	{"kv_too_small", Failed, "A log shows that the KV cache holds no request.", "raise kv_cache_free_gpu_mem_fraction, lower max_batch_size or max_seq_len, or use more GPUs"},
	{"host_oom", Failed, "Slurm or a log tells that the node's memory ran out.", remedies["host_oom"]},
	{"probable_oom", Failed, "The step ended without a report and without an error.", "lower kv_cache_free_gpu_mem_fraction, max_num_tokens or max_batch_size"},
	{"cli", Failed, "trtllm-bench refused a flag or an option, or could not be started.", "change what the message names"},
	{"model_access", Failed, "The checkpoint may not be read.", "ask for access to the model on its page, or set path to a downloaded checkpoint"},
	{"container", Failed, "The container did not start.", "check the image and the container runtime on the node"},
	{"network", Failed, "Nodes or processes did not reach each other.", "set NCCL_SOCKET_IFNAME, and read the first rank that failed"},
	{"nccl", Failed, "Communication between GPUs failed first.", "read the first rank that failed, with NCCL_DEBUG=WARN in env"},
	{"mpi", Failed, "The ranks did not come together.", "check that mpi and the launcher go with the PMIx in the container"},
	{"bus_error", Failed, "A process was ended by SIGBUS.", "give the container a larger /dev/shm"},
	{"request_failed", Failed, "Requests failed while measuring.", "read the log above the line"},
	{"task_exit", Failed, "The step ended with an error, and its log shows no cause.", "read the log"},
	{"hang", Failed, "The log stood still for longer than the executor waits.", remedies["hang"]},
	{"time_limit", Failed, "The job was stopped at its time limit.", remedies["time_limit"]},
	{"cancelled", Failed, "The job was cancelled.", remedies["cancelled"]},
	{"preempted", Failed, "Slurm took the nodes for another job.", remedies["preempted"]},
	{"node_fail", Failed, "A node or one of its GPUs failed.", remedies["node_fail"]},
	{"requeue", Failed, "Slurm put the job back into its queue.", "apply again"},
	{"lost", Failed, "The job ended and left neither a report nor a word of its end.", remedies["lost"]},
	{"submit_rejected", Failed, "Slurm did not accept the job.", remedies["submit_rejected"]},
	{"blocked", Failed, "The job waited for a reason that does not pass.", remedies["blocked"]},
}

var codesInvalid = []Code{
	{"argument_mismatch", Invalid, "The report shows another value than was planned: TP, PP, EP, world size, batch or token limit, KV fraction, scheduler, quantization, KV dtype, streaming, requests or mean lengths (1 %).", "look for what overrides the flag: llm_api_options, the launcher, the environment"},
	{"wrong_image", Invalid, "The report is of another TensorRT-LLM version than the image was declared with, or the image file was imported from another digest.", "the image does not hold what its tag says: set trtllm_version, or import it again"},
	{"wrong_gpu", Invalid, "The GPU that measured is not the one declared.", "choose a partition or nodes with that GPU"},
	{"fewer_requests", Invalid, "Fewer requests were measured than were planned.", "read the log for requests that failed"},
	{"short_output", Invalid, "The mean output is more than 1 % shorter than was planned.", "requests ended early: read the log, and see that nothing stops at an end token"},
	{"no_tokens", Invalid, "The report shows no output tokens.", "read the log for what failed before the first token"},
	{"report_incomplete", Invalid, "The report breaks off, or is not the file that the job wrote.", "look for a full disk or quota, then apply again"},
}

var codesSuspect = []Code{
	{"throttled", Suspect, "Clocks were held down by heat or a failing supply in more than 1 % of the samples of telemetry.", "look at cooling and power of the nodes; `llmbench apply -replace` measures again"},
	{"outside_prediction", Suspect, "The throughput lies outside the interval that the plan printed.", "compare clocks, power and the limits in the log with what was declared; a second sample tells whether it repeats"},
	{"concurrency_not_reached", Suspect, "Fewer than half of the declared concurrency was in flight in the mean, although the requests were at least twice as many.", "the client did not keep up: look at the host's load, or raise stream_interval"},
	{"unclean_exit", Suspect, "The report is whole, and the job did not end well.", "read the end of the log; `llmbench apply -replace` measures again"},
	{"suspended", Suspect, "Slurm suspended the job while it ran.", "`llmbench apply -replace` measures again"},
	{"unverified_arguments", Suspect, "The result was imported: what was passed to trtllm-bench is not known for certain.", "measure it with `llmbench apply` where it matters"},
}

var codesNote = []Code{
	{"unlimited_concurrency", Note, "Concurrency has no limit: TTFT and latency hold the time that requests waited behind all others.", "set concurrency to judge latencies"},
	{"no_warmup", Note, "No request was sent before measuring: the first steps are measured cold.", "set warmup"},
	{"one_sample", Note, "There is one sample, which tells nothing of the noise.", "set samples to 6 or more for an interval"},
	{"short_window", Note, "Ramp-up and drain are a large part of what is measured, by the plan's simulation or by the iteration log.", "raise num_requests"},
	{"checks_skipped", Note, "Site, weights and image were not looked at before (-skip-checks).", "leave -skip-checks out"},
	{"waits_for_kv", Note, "The KV cache holds fewer requests than may be in flight: some wait.", "lower concurrency, or raise kv_cache_free_gpu_mem_fraction"},
	{"batch_slots_unused", Note, "max_batch_size is more than can ever be in flight.", "lower max_batch_size, which frees memory"},
	{"ranks_idle", Note, "Requests do not divide evenly among the ranks of attention DP.", "make concurrency a multiple of tp"},
	{"graph_sizes_miss_batch", Note, "The batch is padded to a larger CUDA graph, or has none.", "list the batch size among the graphs' sizes"},
	{"version_not_catalogued", Note, "The image's version of TensorRT-LLM is not in the catalogue: flags and options were checked against the nearest that is.", "`llmbench catalog probe IMAGE` asks the image for its own"},
	{"unpinned_image", Note, "The image is named by a tag, which can move.", "set digest"},
	{"unpinned_revision", Note, "The checkpoint has no revision.", "set revision"},
}

// FindCode returns the code of a name.
func FindCode(name string) (Code, bool) {
	i := slices.IndexFunc(Codes, func(c Code) bool { return c.Name == name })
	if i < 0 {
		return Code{}, false
	}
	return Codes[i], true
}
