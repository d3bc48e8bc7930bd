package trtllm

import (
	"slices"
	"strings"

	"github.com/llmbench/llmbench/plan/failure"
)

// words are how trtllm-bench, its engine and what they stand on tell failures.
var words = failure.Patterns{Signatures: signatures, Advice: advice, Noise: noises}

// signatures stand in the order in which they are tried.
var signatures = slices.Concat(
	signed(failure.NodeFail, failure.Root,
		"uncorrectable ecc", "nvrm: xid", "failed to initialize nvml", "no devices were found",
		"nvidia-container-cli: initialization error", "cuda error: an illegal instruction"),
	signed(failure.HostOOM, failure.Root,
		"[errno 12] cannot allocate memory", "defaultcpuallocator: can't allocate memory"),
	signed(failure.Container, failure.Root, "nvidia-container-cli: mount error"),
	signed(failure.Container, failure.Plain, "nvidia-container-cli: "),
	signed(failure.ModelAccess, failure.Root,
		"gatedrepoerror", "cannot access gated repo", "401 client error",
		"you are trying to access a gated repo", "repositorynotfounderror",
		"is not a local folder and is not a valid model identifier", "localentrynotfounderror",
		"offlinemodeisenabled"),
	signed(failure.CLI, failure.Root,
		"error: trtllm-bench would refuse this: ", // the stand-in
		"error: no such option", "error: no such command", "error: invalid value for ",
		"error: missing option ", "error: got unexpected extra argument"),
	signed(failure.CLI, failure.Vague, "usage: trtllm-bench"),
	signed(failure.CLI, failure.Root, "extra inputs are not permitted"),
	signed(failure.CLI, failure.Vague, "validation error"),
	signed(failure.CLI, failure.Root,
		"unexpected keyword argument", "world_size must equal to ",
		"tp_size must equal to moe_tp_size", "please don't set both cuda_graph_config",
		"stream_interval must be positive",
		"external mpi session has … workers but the model needs", "unsupported backend config",
		"total_num_tokens…max_num_tokens", "valueerror: invalid decoding type",
		"both prompt and input_ids for …are both none",
		"model is a file or directory, please provide a model name",
		"trtllm-bench: command not found", "trtllm-llmapi-launch: command not found",
		"exec format error"),
	// In any language a shell names itself, where it reads and what it does not find.
	signed(failure.CLI, failure.Root,
		"sh: …: trtllm-bench", "sh: …: trtllm-llmapi-launch", "command not found: trtllm-",
		"exec: \"trtllm-…executable file not found"),
	signed(failure.TimeLimit, failure.Root,
		"llmbench: the engine was not ready within the time limit"),
	signed(failure.EngineRefused, failure.Root, "llmbench: the engine cannot be shared: "),
	signed(failure.YAML, failure.Root,
		"yaml.scanner.scannererror", "yaml.parser.parsererror",
		"yaml.constructor.constructorerror", "yaml.composer.composererror",
		"yaml.reader.readererror"),
	signed(failure.GPUOOM, failure.Root,
		"cuda out of memory", "outofmemoryerror", "cuda error: out of memory",
		"cuda runtime error…out of memory", "cuda_error_out_of_memory",
		"cudaerrormemoryallocation", "cublas_status_alloc_failed",
		"the model requires at least…insufficient",
		"executor creation failed due to insufficient gpu memory"),
	signed(failure.KVTooSmall, failure.Root,
		"kv cache memory is insufficient", "must be large enough to process at least 1 sequence",
		"no memory available for kv cache"),
	signed(failure.DeviceAssert, failure.Root, "device-side assert triggered"),
	signed(failure.CUDAInit, failure.Root,
		"error 802", "error 803", "system not yet initialized",
		"system has unsupported display driver / cuda driver combination",
		"cuda driver version is insufficient for cuda runtime version",
		"driver/library version mismatch", "invalid device ordinal",
		"no cuda-capable device is detected", "no cuda gpus are available",
		"unexpected error from cudagetdevicecount"),
	signed(failure.IMEX, failure.Root,
		"mnnvl…not working on this system", "nccl warn …imex", "imex channel",
		"cuda_error_not_permitted", "cumemimportfromshareablehandle",
		"cumemexporttoshareablehandle", "cu_mem_handle_type_fabric", "nvidia-caps-imex-channels"),
	signed(failure.CUDAError, failure.Root,
		"an illegal memory access was encountered", "unspecified launch failure",
		"misaligned address", "cuda_error_illegal_address",
		"no kernel image is available for execution on the device"),
	signed(failure.CUDAError, failure.Plain,
		"cuda runtime error in ", "cuda driver error in ", "cuda error: ", "cublas_status_",
		"cuda_error_launch_failed"),
	signed(failure.Network, failure.Hint, "nccl warn …call to connect"),
	signed(failure.Network, failure.Root, "no route to host"),
	signed(failure.Network, failure.Plain, "ncclremoteerror"),
	signed(failure.Network, failure.Hint, "address already in use"),
	signed(failure.NCCL, failure.Root, "cuda_error_not_supported"),
	signed(failure.NCCL, failure.Plain, "nccl error"),
	signed(failure.NCCL, failure.Hint, "nccl warn "),
	signed(failure.NCCL, failure.Plain,
		"ncclunhandled", "unhandled system error", "unhandled cuda error", "ncclsystemerror",
		"ncclinternalerror", "watchdog caught collective operation timeout"),
	signed(failure.UCX, failure.Plain,
		"ucx  error", "ucx error", "ucxx::", "ucs_status", "ucp_… failed"),
	signed(failure.Disk, failure.Root,
		"disk quota exceeded", "no space left on device", "stale file handle",
		"input/output error", "read-only file system", "transport endpoint is not connected"),
	signed(failure.Permission, failure.Root, "permissionerror: ", "permission denied"),
	signed(failure.MPI, failure.Root, "ompi was not built with slurm's pmi support"),
	signed(failure.MPI, failure.Vague, "mpi_abort"),
	signed(failure.MPI, failure.Hint, "pmix error"),
	signed(failure.MPI, failure.Vague,
		"prte error", "opal error", "terminated normally, but 1 process returned"),
	signed(failure.BusError, failure.Plain,
		"caught signal 7", ": bus error", "fatal python error: bus error",
		"bus error (core dumped)"),
	[]failure.Signature{{Code: failure.Container, Grade: failure.Root, Marks: []string{"illegal instruction"}, Early: true}},
	signed(failure.Crash, failure.Plain,
		"caught signal 11", "caught signal 4", "segmentation fault", "illegal instruction"),
	signed(failure.Crash, failure.Vague,
		"terminate called after throwing", "terminate called without an active exception"),
	signed(failure.Crash, failure.Plain,
		"fatal python error: ", "free(): invalid pointer", "double free or corruption",
		"malloc(): "),
	signed(failure.Hang, failure.Plain, "hang detected", "hard-killing all "),
	signed(failure.RequestFailed, failure.Vague,
		"requests failed:", "assertionerror: benchmark failed", "executor worker returned error",
		"executor worker initialization error", "executor worker died during initialization",
		"encountered an error in forward function: "),
	signed(failure.TaskExit, failure.Weak, " killed ", "aborted (core dumped)"),
)

// signed are signatures of a code, each the marks of a line, with … between them.
func signed(code failure.Code, grade failure.Strength, lines ...string) []failure.Signature {
	var out []failure.Signature
	for _, marks := range lines {
		out = append(out, failure.Signature{Code: code, Grade: grade, Marks: strings.Split(marks, "…")})
	}
	return out
}

// noises are lines that healthy runs have too.
var noises = []string{
	"connection closed by remote peer",
	"exited with exit code 143",
	"exited with exit code 137",
	"numa auto balancing enabled",
	"missing \"iommu=pt\"",
	"gds_ds12_lock", // PMIx tells of a lock and goes on without
	"[autotuner]",   // passes over kernels that run out of memory
}

// advice is for what a line of trtllm-bench, its engine or the container's runtime
// says beyond its failure.
var advice = []failure.Advice{
	{Code: failure.CLI, Mark: "exec format error", Remedy: "the program is for another architecture: choose an image for the node's"},
	{Code: failure.CLI, Mark: "command not found", Remedy: "check image and launcher: trtllm-bench is not in the path"},
	{Code: failure.CLI, Mark: ": trtllm-", Remedy: "check image and launcher: what is named is not in the path"},
	{Code: failure.CLI, Mark: "executable file not found", Remedy: "check image and launcher: what is named is not in the path"},
	{Code: failure.CLI, Mark: "extra inputs are not permitted", Remedy: "change the option of llm_api_options that the message names: this version does not know it"},
	{Code: failure.GPUOOM, Mark: "requires at least", Remedy: "the weights do not fit: use more GPUs, or a checkpoint of lower precision"},
	{Code: failure.Network, Mark: "address already in use", Remedy: "a process of an earlier run may be left on the node: apply again, or exclude it"},
	{Code: failure.NCCL, Mark: "cuda_error_not_supported", Remedy: "the job straddles NVLink domains: set segment; NCCL_MNNVL_ENABLE=0 in env avoids it and measures without NVLink between nodes, which is a different, slower system"},
	{Code: failure.NCCL, Mark: "shm", Remedy: "give the container a larger /dev/shm and unlimited locked memory"},
	{Code: failure.MPI, Mark: "not built with slurm", Remedy: "set mpi to pmix"},
	{Code: failure.Hang, Mark: "hang detected", Remedy: "read the stacks in the log; apply again"},
	{Code: failure.Hang, Mark: "hard-killing", Remedy: "read the stacks in the log; apply again"},
	{Code: failure.CUDAInit, Mark: "invalid device ordinal", Remedy: "a rank sees fewer GPUs than it needs: check gpus_per_node and that the step asks for all GPUs of the node; a GPU may have fallen off the bus"},
	{Code: failure.CUDAInit, Mark: "803", Remedy: "the driver of the node is older than the image needs, or its compatibility libraries do not go with it: choose an older image, or nodes with a newer driver"},
	{Code: failure.CUDAInit, Mark: "driver version is insufficient", Remedy: "the driver of the node is older than the image needs: choose an older image, or nodes with a newer driver"},
	{Code: failure.CUDAInit, Mark: "802", Remedy: "NVLink's fabric manager (nvidia-fabricmanager, on NVL72 nvidia-imex) does not run on the node or is not ready: exclude the node and report it to the site"},
	{Code: failure.CUDAError, Mark: "no kernel image", Remedy: "the image has no kernels for this GPU: choose one that is built for it"},
	{Code: failure.Permission, Mark: "sys_ptrace", Remedy: "ranks of a node may not share memory in the container: start it with the capability SYS_PTRACE, or ask the site to allow it"},
	{Code: failure.CLI, Mark: "total_num_tokens", Remedy: "a step has more tokens than max_num_tokens allows: raise max_num_tokens, or enable chunked prefill"},
	{Code: failure.Crash, Mark: "illegal instruction", Remedy: "the program is for a newer CPU than the node's, or the image is damaged: import the image again and compare its checksum"},
	{Code: failure.Container, Mark: "illegal instruction", Remedy: "the image's data blocks are damaged, or its programs are for another CPU: import it again and compare its checksum (`llmbench prepare -check -deep`)", Everywhere: true},
	{Code: failure.Container, Mark: "nvidia-container-cli: mount error", Remedy: "the container's runtime may not mount the driver's files on any node as it is set up: ask the site for the hook's settings (nvidia-container-cli, user namespaces, cgroups)", Everywhere: true},
	{Code: failure.Container, Mark: "nvidia-container-cli: ", Remedy: "the driver does not answer the container's runtime: run nvidia-smi on the node, exclude it, and report it to the site"},
}
