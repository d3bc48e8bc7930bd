package trtllm

import (
	"github.com/llmbench/llmbench/plan/failure"
)

// words are how trtllm-bench, its engine and what they stand on tell failures.
var words = failure.Patterns{Signatures: signatures, Advice: advice, Noise: noises}

var signatures = []failure.Signature{
	sig(failure.NodeFail, failure.Root, "uncorrectable ecc"),
	sig(failure.NodeFail, failure.Root, "nvrm: xid"),
	sig(failure.NodeFail, failure.Root, "failed to initialize nvml"),
	sig(failure.NodeFail, failure.Root, "no devices were found"),
	sig(failure.NodeFail, failure.Root, "nvidia-container-cli: initialization error"),
	sig(failure.NodeFail, failure.Root, "cuda error: an illegal instruction"),

	sig(failure.HostOOM, failure.Root, "[errno 12] cannot allocate memory"),
	sig(failure.HostOOM, failure.Root, "defaultcpuallocator: can't allocate memory"),

	sig(failure.Container, failure.Root, "nvidia-container-cli: mount error"),
	sig(failure.Container, failure.Plain, "nvidia-container-cli: "),

	sig(failure.ModelAccess, failure.Root, "gatedrepoerror"),
	sig(failure.ModelAccess, failure.Root, "cannot access gated repo"),
	sig(failure.ModelAccess, failure.Root, "401 client error"),
	sig(failure.ModelAccess, failure.Root, "you are trying to access a gated repo"),
	sig(failure.ModelAccess, failure.Root, "repositorynotfounderror"),
	sig(failure.ModelAccess, failure.Root, "is not a local folder and is not a valid model identifier"),
	sig(failure.ModelAccess, failure.Root, "localentrynotfounderror"),
	sig(failure.ModelAccess, failure.Root, "offlinemodeisenabled"),

	sig(failure.CLI, failure.Root, "error: trtllm-bench would refuse this: "), // the stand-in
	sig(failure.CLI, failure.Root, "error: no such option"),
	sig(failure.CLI, failure.Root, "error: no such command"),
	sig(failure.CLI, failure.Root, "error: invalid value for "),
	sig(failure.CLI, failure.Root, "error: missing option "),
	sig(failure.CLI, failure.Root, "error: got unexpected extra argument"),
	sig(failure.CLI, failure.Vague, "usage: trtllm-bench"),
	sig(failure.CLI, failure.Root, "extra inputs are not permitted"),
	sig(failure.CLI, failure.Vague, "validation error"),
	sig(failure.CLI, failure.Root, "unexpected keyword argument"),
	sig(failure.CLI, failure.Root, "world_size must equal to "),
	sig(failure.CLI, failure.Root, "tp_size must equal to moe_tp_size"),
	sig(failure.CLI, failure.Root, "please don't set both cuda_graph_config"),
	sig(failure.CLI, failure.Root, "stream_interval must be positive"),
	sig(failure.CLI, failure.Root, "external mpi session has ", " workers but the model needs"),
	sig(failure.CLI, failure.Root, "unsupported backend config"),
	sig(failure.CLI, failure.Root, "total_num_tokens", "max_num_tokens"),
	sig(failure.CLI, failure.Root, "valueerror: invalid decoding type"),
	sig(failure.CLI, failure.Root, "both prompt and input_ids for ", "are both none"),
	sig(failure.CLI, failure.Root, "model is a file or directory, please provide a model name"),
	sig(failure.CLI, failure.Root, "trtllm-bench: command not found"),
	sig(failure.CLI, failure.Root, "trtllm-llmapi-launch: command not found"),
	sig(failure.CLI, failure.Root, "exec format error"),
	// In any language a shell names itself, where it reads and what it does not find.
	sig(failure.CLI, failure.Root, "sh: ", ": trtllm-bench"),
	sig(failure.CLI, failure.Root, "sh: ", ": trtllm-llmapi-launch"),
	sig(failure.CLI, failure.Root, "command not found: trtllm-"),
	sig(failure.CLI, failure.Root, "exec: \"trtllm-", "executable file not found"),

	sig(failure.TimeLimit, failure.Root, "llmbench: the engine was not ready within the time limit"),
	sig(failure.EngineRefused, failure.Root, "llmbench: the engine cannot be shared: "),

	sig(failure.YAML, failure.Root, "yaml.scanner.scannererror"),
	sig(failure.YAML, failure.Root, "yaml.parser.parsererror"),
	sig(failure.YAML, failure.Root, "yaml.constructor.constructorerror"),
	sig(failure.YAML, failure.Root, "yaml.composer.composererror"),
	sig(failure.YAML, failure.Root, "yaml.reader.readererror"),

	sig(failure.GPUOOM, failure.Root, "cuda out of memory"),
	sig(failure.GPUOOM, failure.Root, "outofmemoryerror"),
	sig(failure.GPUOOM, failure.Root, "cuda error: out of memory"),
	sig(failure.GPUOOM, failure.Root, "cuda runtime error", "out of memory"),
	sig(failure.GPUOOM, failure.Root, "cuda_error_out_of_memory"),
	sig(failure.GPUOOM, failure.Root, "cudaerrormemoryallocation"),
	sig(failure.GPUOOM, failure.Root, "cublas_status_alloc_failed"),
	sig(failure.GPUOOM, failure.Root, "the model requires at least", "insufficient"),
	sig(failure.GPUOOM, failure.Root, "executor creation failed due to insufficient gpu memory"),
	sig(failure.KVTooSmall, failure.Root, "kv cache memory is insufficient"),
	sig(failure.KVTooSmall, failure.Root, "must be large enough to process at least 1 sequence"),
	sig(failure.KVTooSmall, failure.Root, "no memory available for kv cache"),

	sig(failure.DeviceAssert, failure.Root, "device-side assert triggered"),
	sig(failure.CUDAInit, failure.Root, "error 802"),
	sig(failure.CUDAInit, failure.Root, "error 803"),
	sig(failure.CUDAInit, failure.Root, "system not yet initialized"),
	sig(failure.CUDAInit, failure.Root, "system has unsupported display driver / cuda driver combination"),
	sig(failure.CUDAInit, failure.Root, "cuda driver version is insufficient for cuda runtime version"),
	sig(failure.CUDAInit, failure.Root, "driver/library version mismatch"),
	sig(failure.CUDAInit, failure.Root, "invalid device ordinal"),
	sig(failure.CUDAInit, failure.Root, "no cuda-capable device is detected"),
	sig(failure.CUDAInit, failure.Root, "no cuda gpus are available"),
	sig(failure.CUDAInit, failure.Root, "unexpected error from cudagetdevicecount"),

	sig(failure.IMEX, failure.Root, "mnnvl", "not working on this system"),
	sig(failure.IMEX, failure.Root, "nccl warn ", "imex"),
	sig(failure.IMEX, failure.Root, "imex channel"),
	sig(failure.IMEX, failure.Root, "cuda_error_not_permitted"),
	sig(failure.IMEX, failure.Root, "cumemimportfromshareablehandle"),
	sig(failure.IMEX, failure.Root, "cumemexporttoshareablehandle"),
	sig(failure.IMEX, failure.Root, "cu_mem_handle_type_fabric"),
	sig(failure.IMEX, failure.Root, "nvidia-caps-imex-channels"),

	sig(failure.CUDAError, failure.Root, "an illegal memory access was encountered"),
	sig(failure.CUDAError, failure.Root, "unspecified launch failure"),
	sig(failure.CUDAError, failure.Root, "misaligned address"),
	sig(failure.CUDAError, failure.Root, "cuda_error_illegal_address"),
	sig(failure.CUDAError, failure.Root, "no kernel image is available for execution on the device"),
	sig(failure.CUDAError, failure.Plain, "cuda runtime error in "),
	sig(failure.CUDAError, failure.Plain, "cuda driver error in "),
	sig(failure.CUDAError, failure.Plain, "cuda error: "),
	sig(failure.CUDAError, failure.Plain, "cublas_status_"),
	sig(failure.CUDAError, failure.Plain, "cuda_error_launch_failed"),

	sig(failure.Network, failure.Hint, "nccl warn ", "call to connect"),
	sig(failure.Network, failure.Root, "no route to host"),
	sig(failure.Network, failure.Plain, "ncclremoteerror"),
	sig(failure.Network, failure.Hint, "address already in use"),
	sig(failure.NCCL, failure.Root, "cuda_error_not_supported"),
	sig(failure.NCCL, failure.Plain, "nccl error"),
	sig(failure.NCCL, failure.Hint, "nccl warn "),
	sig(failure.NCCL, failure.Plain, "ncclunhandled"),
	sig(failure.NCCL, failure.Plain, "unhandled system error"),
	sig(failure.NCCL, failure.Plain, "unhandled cuda error"),
	sig(failure.NCCL, failure.Plain, "ncclsystemerror"),
	sig(failure.NCCL, failure.Plain, "ncclinternalerror"),
	sig(failure.NCCL, failure.Plain, "watchdog caught collective operation timeout"),

	sig(failure.UCX, failure.Plain, "ucx  error"),
	sig(failure.UCX, failure.Plain, "ucx error"),
	sig(failure.UCX, failure.Plain, "ucxx::"),
	sig(failure.UCX, failure.Plain, "ucs_status"),
	sig(failure.UCX, failure.Plain, "ucp_", " failed"),

	sig(failure.Disk, failure.Root, "disk quota exceeded"),
	sig(failure.Disk, failure.Root, "no space left on device"),
	sig(failure.Disk, failure.Root, "stale file handle"),
	sig(failure.Disk, failure.Root, "input/output error"),
	sig(failure.Disk, failure.Root, "read-only file system"),
	sig(failure.Disk, failure.Root, "transport endpoint is not connected"),
	sig(failure.Permission, failure.Root, "permissionerror: "),
	sig(failure.Permission, failure.Root, "permission denied"),

	sig(failure.MPI, failure.Root, "ompi was not built with slurm's pmi support"),
	sig(failure.MPI, failure.Vague, "mpi_abort"),
	sig(failure.MPI, failure.Hint, "pmix error"),
	sig(failure.MPI, failure.Vague, "prte error"),
	sig(failure.MPI, failure.Vague, "opal error"),
	sig(failure.MPI, failure.Vague, "terminated normally, but 1 process returned"),

	sig(failure.BusError, failure.Plain, "caught signal 7"),
	sig(failure.BusError, failure.Plain, ": bus error"),
	sig(failure.BusError, failure.Plain, "fatal python error: bus error"),
	sig(failure.BusError, failure.Plain, "bus error (core dumped)"),
	{Code: failure.Container, Grade: failure.Root, Marks: []string{"illegal instruction"}, Early: true},
	sig(failure.Crash, failure.Plain, "caught signal 11"),
	sig(failure.Crash, failure.Plain, "caught signal 4"),
	sig(failure.Crash, failure.Plain, "segmentation fault"),
	sig(failure.Crash, failure.Plain, "illegal instruction"),
	sig(failure.Crash, failure.Vague, "terminate called after throwing"),
	sig(failure.Crash, failure.Vague, "terminate called without an active exception"),
	sig(failure.Crash, failure.Plain, "fatal python error: "),
	sig(failure.Crash, failure.Plain, "free(): invalid pointer"),
	sig(failure.Crash, failure.Plain, "double free or corruption"),
	sig(failure.Crash, failure.Plain, "malloc(): "),

	sig(failure.Hang, failure.Plain, "hang detected"),
	sig(failure.Hang, failure.Plain, "hard-killing all "),

	sig(failure.RequestFailed, failure.Vague, "requests failed:"),
	sig(failure.RequestFailed, failure.Vague, "assertionerror: benchmark failed"),
	sig(failure.RequestFailed, failure.Vague, "executor worker returned error"),
	sig(failure.RequestFailed, failure.Vague, "executor worker initialization error"),
	sig(failure.RequestFailed, failure.Vague, "executor worker died during initialization"),
	sig(failure.RequestFailed, failure.Vague, "encountered an error in forward function: "),

	sig(failure.TaskExit, failure.Weak, " killed "),
	sig(failure.TaskExit, failure.Weak, "aborted (core dumped)"),
}

func sig(code failure.Code, grade failure.Strength, marks ...string) failure.Signature {
	return failure.Signature{Code: code, Grade: grade, Marks: marks}
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
