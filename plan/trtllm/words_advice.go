package trtllm

import "github.com/llmbench/llmbench/plan/failure"

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
