package trtllm

import "bytes"

// A grade says how much a line tells.
type grade int

const (
	// root names a cause, plain a failure that may be one.
	root grade = iota
	plain
	// vague says that something failed and not what.
	vague
	// weak is a consequence.
	weak
)

// A signature is text that shows a class of failure. marks are in lower case and
// stand in the line in this order.
type signature struct {
	class string
	grade grade
	marks []string
}

// signatures stand in the order in which they are tried on a line. Slurm's and
// pyxis's words are those of their sources.
var signatures = []signature{
	{"submit_rejected", root, []string{"batch job submission failed:"}},
	{"submit_rejected", root, []string{"unable to allocate resources:"}},
	{"submit_rejected", root, []string{"error: unable to create step for job"}},
	{"submit_rejected", root, []string{"unable to confirm allocation for job"}},
	{"submit_rejected", root, []string{"batch script is empty!"}},
	{"submit_rejected", root, []string{"batch script contains dos line breaks"}},

	{"time_limit", plain, []string{"cancelled at ", "due to time limit"}},
	{"preempted", root, []string{"cancelled at ", "due to preemption"}},
	{"node_fail", root, []string{"cancelled at ", "due to node failure"}},
	{"node_fail", root, []string{"srun: error: node failure on "}},
	// A step that is cancelled while it starts fails with these words too.
	{"task_exit", weak, []string{"task launch for ", "job credential revoked"}},
	{"node_fail", root, []string{"task launch for ", "failed on node "}},
	{"node_fail", root, []string{"application launch failed:"}},
	{"node_fail", root, []string{"uncorrectable ecc"}},
	{"node_fail", root, []string{"nvrm: xid"}},
	{"node_fail", root, []string{"failed to initialize nvml"}},
	{"node_fail", root, []string{"no devices were found"}},
	{"node_fail", root, []string{"nvidia-container-cli: "}},
	{"node_fail", root, []string{"cuda error: an illegal instruction"}},
	// A process that cannot be killed stands in the driver or the file system.
	{"node_fail", weak, []string{"due to job not ending with signals"}},
	{"node_fail", weak, []string{"kill task failed"}},
	{"requeue", root, []string{"cancelled at ", "due to job requeue"}},

	{"host_oom", root, []string{"detected ", "oom_kill event"}},
	{"host_oom", root, []string{"detected ", "oom-kill event"}},
	{"host_oom", root, []string{"task", ": out of memory"}},
	{"host_oom", root, []string{"oserror: [errno 12] cannot allocate memory"}},

	{"container", root, []string{"pyxis: child ", " failed with error code"}},
	{"container", root, []string{"failed to import docker image"}},
	{"container", root, []string{"couldn't start container"}},
	{"container", root, []string{"container start failed"}},
	{"container", root, []string{"container exited too soon"}},
	{"container", root, []string{"spank: required plugin spank_pyxis.so"}},
	{"container", root, []string{"unrecognized option '--container-"}},
	{"container", root, []string{"--container-mounts: source path does not exist"}},
	{"container", root, []string{"couldn't chdir to container cwd"}},
	{"container", root, []string{"could not acquire rootfs lock"}},
	{"container", root, []string{"file already exists: ", ".sqsh"}},
	{"container", root, []string{"can't find a squashfs superblock"}},
	{"container", root, []string{"cannot create directory", "/run/enroot"}},
	{"container", root, []string{"write failed because no space left on device"}},

	{"model_access", root, []string{"gatedrepoerror"}},
	{"model_access", root, []string{"cannot access gated repo"}},
	{"model_access", root, []string{"401 client error"}},
	{"model_access", root, []string{"you are trying to access a gated repo"}},
	{"model_access", root, []string{"repositorynotfounderror"}},
	{"model_access", root, []string{"is not a local folder and is not a valid model identifier"}},

	{"cli", root, []string{"error: trtllm-bench would refuse this: "}}, // the stand-in
	{"cli", root, []string{"error: no such option"}},
	{"cli", root, []string{"error: no such command"}},
	{"cli", root, []string{"error: invalid value for "}},
	{"cli", root, []string{"error: missing option "}},
	{"cli", root, []string{"error: got unexpected extra argument"}},
	{"cli", vague, []string{"usage: trtllm-bench"}},
	{"cli", root, []string{"extra inputs are not permitted"}},
	{"cli", vague, []string{"validation error"}},
	{"cli", root, []string{"unexpected keyword argument"}},
	{"cli", root, []string{"world_size must equal to "}},
	{"cli", root, []string{"tp_size must equal to moe_tp_size"}},
	{"cli", root, []string{"please don't set both cuda_graph_config"}},
	{"cli", root, []string{"stream_interval must be positive"}},
	{"cli", root, []string{"valueerror: invalid decoding type"}},
	{"cli", root, []string{"both prompt and input_ids for ", "are both none"}},
	{"cli", root, []string{"model is a file or directory, please provide a model name"}},
	{"cli", root, []string{"trtllm-bench: command not found"}},
	{"cli", root, []string{"trtllm-llmapi-launch: command not found"}},
	{"cli", root, []string{"exec format error"}},
	{"cli", root, []string{"couldn't chdir to ", "going to /tmp instead"}},
	{"cli", root, []string{"could not open stdout file"}},
	{"cli", root, []string{"cpus-per-task set by two different environment variables"}},

	{"gpu_oom", root, []string{"cuda out of memory"}},
	{"gpu_oom", root, []string{"outofmemoryerror"}},
	{"gpu_oom", root, []string{"cuda error: out of memory"}},
	{"gpu_oom", root, []string{"cuda runtime error", "out of memory"}},
	{"gpu_oom", root, []string{"the model requires at least", "insufficient"}},
	{"kv_too_small", root, []string{"kv cache memory is insufficient"}},
	{"kv_too_small", root, []string{"must be large enough to process at least 1 sequence"}},

	{"network", root, []string{"nccl warn ", "call to connect"}},
	{"network", root, []string{"no route to host"}},
	{"network", plain, []string{"ncclremoteerror"}},
	{"network", vague, []string{"address already in use"}},
	{"nccl", root, []string{"cuda_error_not_supported"}},
	{"nccl", plain, []string{"nccl error"}},
	{"nccl", vague, []string{"nccl warn "}},
	{"nccl", plain, []string{"ncclunhandled"}},
	{"nccl", plain, []string{"unhandled system error"}},
	{"nccl", plain, []string{"unhandled cuda error"}},
	{"nccl", plain, []string{"ncclsystemerror"}},
	{"nccl", plain, []string{"ncclinternalerror"}},

	{"mpi", root, []string{"invalid mpi type"}},
	{"mpi", root, []string{"can not load pmix library"}},
	{"mpi", root, []string{"ompi was not built with slurm's pmi support"}},
	{"mpi", vague, []string{"mpi_abort"}},
	{"mpi", vague, []string{"pmix error"}},
	{"mpi", vague, []string{"prte error"}},
	{"mpi", vague, []string{"opal error"}},
	{"mpi", vague, []string{"terminated normally, but 1 process returned"}},

	{"bus_error", plain, []string{"caught signal 7"}},
	{"bus_error", plain, []string{"caught signal 11"}},
	{"bus_error", plain, []string{": bus error"}},
	{"bus_error", plain, []string{"bus error (core dumped)"}},
	{"bus_error", plain, []string{"segmentation fault"}},

	{"hang", plain, []string{"hang detected"}},
	{"hang", plain, []string{"hard-killing all "}},
	{"hang", weak, []string{"step creation temporarily disabled, retrying"}},

	{"request_failed", vague, []string{"requests failed:"}},
	{"request_failed", vague, []string{"assertionerror: benchmark failed"}},
	{"request_failed", vague, []string{"executor worker returned error"}},
	{"request_failed", vague, []string{"executor worker initialization error"}},

	{"task_exit", weak, []string{"srun: error: ", "exited with exit code "}},
	{"task_exit", weak, []string{"srun: error: ", ": terminated"}},
	{"task_exit", weak, []string{" killed "}},
	{"task_exit", weak, []string{"aborted (core dumped)"}},
}

// compiled are the marks of signatures, and noisy the noises, as bytes.
var (
	compiled = func() [][][]byte {
		out := make([][][]byte, len(signatures))
		for i, s := range signatures {
			out[i] = asBytes(s.marks)
		}
		return out
	}()
	noisy = asBytes(noises)
)

func asBytes(in []string) [][]byte {
	out := make([][]byte, len(in))
	for i, s := range in {
		out[i] = []byte(s)
	}
	return out
}

// match finds the signature of a line in lower case, and where it is. It is nil
// for a line that shows nothing.
func match(lower []byte) (*signature, int) {
	for i, marks := range compiled {
		at := bytes.Index(lower, marks[0])
		if at >= 0 && inOrder(lower[at+len(marks[0]):], marks[1:]) {
			return &signatures[i], at
		}
	}
	if string(lower) == "killed" || string(lower) == "terminated" {
		return &signatures[len(signatures)-1], 0
	}
	return nil, 0
}

func inOrder(b []byte, marks [][]byte) bool {
	for _, m := range marks {
		i := bytes.Index(b, m)
		if i < 0 {
			return false
		}
		b = b[i+len(m):]
	}
	return true
}

// noises are lines that follow from a failure and never tell it, or that healthy
// runs have too.
var noises = []string{
	"job step aborted: waiting up to ",
	"connection closed by remote peer",
	"force terminated job",
	"exited with exit code 143",
	"exited with exit code 137",
	"numa auto balancing enabled",
	"missing \"iommu=pt\"",
	"[autotuner]", // passes over kernels that run out of memory
}

// isNoise reports whether a line, in lower case, is to be passed over.
func isNoise(lower []byte) bool {
	for _, n := range noisy {
		if bytes.Contains(lower, n) {
			return true
		}
	}
	return bytes.HasPrefix(lower, []byte("srun: error: ")) && bytes.HasSuffix(lower, []byte(": killed"))
}
