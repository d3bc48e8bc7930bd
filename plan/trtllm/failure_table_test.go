package trtllm

import (
	"strings"
	"testing"
)

// Each kind of failure that a log can show, as Slurm, pyxis, the container and
// the benchmark word it: its class, and what its remedy names.
func TestFailureTable(t *testing.T) {
	for _, c := range []struct{ log, class, remedy string }{
		{"sbatch: error: Batch job submission failed: Invalid account or account/partition combination specified", "submit_rejected", "account"},
		{"sbatch: error: Batch job submission failed: Invalid qos specification", "submit_rejected", "qos"},
		{"sbatch: error: Batch job submission failed: Job violates accounting/QOS policy (job submit limit, user's size and/or time limits)", "submit_rejected", "limit"},
		{"sbatch: error: Batch job submission failed: Invalid partition name specified", "submit_rejected", "sinfo"},
		{"sbatch: error: Batch job submission failed: Requested node configuration is not available", "submit_rejected", "sinfo"},
		{"sbatch: error: Batch job submission failed: Invalid generic resource (gres) specification", "submit_rejected", "GPU"},
		{"sbatch: error: Batch job submission failed: Requested topology configuration is not available", "submit_rejected", "segment"},
		{"sbatch: error: Batch job submission failed: Requested time limit is invalid (missing or exceeds some limit)", "submit_rejected", "time_limit"},
		{"srun: error: Unable to allocate resources: Unable to contact slurm controller (connect failure)", "submit_rejected", "again later"},
		{"srun: error: Unable to create step for job 41: More processors requested than permitted", "submit_rejected", "step"},
		{"srun: error: Unable to confirm allocation for job 41: Invalid job id specified", "submit_rejected", "SLURM_JOB_ID"},
		{"srun: Job 41 step creation temporarily disabled, retrying (Requested nodes are busy)", "hang", "another step"},

		{"slurmstepd: error: *** JOB 41 ON gb01 CANCELLED AT 2026-03-04T06:30:00 DUE TO TIME LIMIT ***", "time_limit", "time_limit"},
		{"slurmstepd: error: *** JOB 41 ON gb01 CANCELLED AT 2026-03-04T06:30:00 DUE TO PREEMPTION ***", "preempted", "QOS"},
		{"slurmstepd: error: *** STEP 41.0 ON gb01 CANCELLED AT 2026-03-04T06:30:00 DUE TO NODE FAILURE, SEE SLURMCTLD LOG FOR DETAILS ***", "node_fail", "exclude the node"},
		{"slurmstepd: error: *** JOB 41 ON gb01 CANCELLED AT 2026-03-04T06:30:00 DUE TO JOB REQUEUE ***", "requeue", "apply again"},
		{"srun: error: Task launch for StepId=41.0 failed on node gb02: Communication connection failure", "node_fail", "exclude the node"},
		{"srun: error: Application launch failed: Communication connection failure", "node_fail", "exclude the node"},
		{"srun: error: Node failure on gb02", "node_fail", "exclude the node"},
		{"slurmstepd: error: *** JOB 41 STEPD TERMINATED ON gb02 AT 2026-03-04T06:30:00 DUE TO JOB NOT ENDING WITH SIGNALS ***", "node_fail", "cannot be killed"},
		{"slurmstepd: error: Detected 2 oom_kill events in StepId=41.0. Some of the step tasks have been OOM Killed.", "host_oom", "--mem=0"},
		{"srun: error: gb02: task 5: Out Of Memory", "host_oom", "--mem=0"},
		{"slurmstepd: error: couldn't chdir to `/scratch/me': No such file or directory: going to /tmp instead", "cli", "share"},
		{"slurmstepd: error: Could not open stdout file /scratch/me/job.out: No such file or directory", "cli", "share"},
		{"srun: fatal: cpus-per-task set by two different environment variables SLURM_CPUS_PER_TASK=16 != SLURM_TRES_PER_TASK=cpu:8", "cli", "cpus_per_task"},
		{"slurmstepd: error: execve(): /usr/local/bin/trtllm-bench: Exec format error", "cli", "architecture"},

		{"srun: error: Invalid MPI type 'pmix', --mpi=list for acceptable types", "mpi", "srun --mpi=list"},
		{"slurmstepd: error: mpi/pmix_v4: can not load PMIx library", "mpi", "PMIx"},
		{"The application appears to have been direct launched using \"srun\", but OMPI was not built with SLURM's PMI support and therefore cannot execute.", "mpi", "pmix"},
		{"[gb01:12] PMIX ERROR: UNREACHABLE in file client/pmix_client.c", "mpi", "PMIx"},
		{"[gb01:12] OPAL ERROR: Unreachable in file pmix3x_client.c at line 111", "mpi", "PMIx"},

		{"srun: unrecognized option '--container-image=/i.sqsh'", "container", "pyxis"},
		{"slurmstepd: error: spank: required plugin spank_pyxis.so: task_init() failed with rc=-1", "container", "lines of pyxis"},
		{"slurmstepd: error: pyxis: failed to import docker image\nslurmstepd: error: pyxis:     curl: (22) The requested URL returned error: 401 Unauthorized", "container", "credentials"},
		{"slurmstepd: error: pyxis: failed to import docker image\nslurmstepd: error: pyxis:     [ERROR] URL returned error code: 429 Too Many Requests", "container", ".sqsh"},
		{"slurmstepd: error: pyxis: failed to import docker image\nslurmstepd: error: pyxis:     [ERROR] URL returned error code: 404 Not Found", "container", "tag"},
		{"Write failed because No space left on device", "container", "ENROOT_CACHE_PATH"},
		{"enroot: [ERROR] Could not acquire rootfs lock", "container", ".sqsh"},
		{"[ERROR] File already exists: /images/a.sqsh", "container", ".sqsh"},
		{"FATAL ERROR: Can't find a SQUASHFS superblock on /images/a.sqsh", "container", "import it again"},
		{"mkdir: cannot create directory '/run/enroot/user-1': Permission denied", "container", "site"},
		{"slurmstepd: error: pyxis: --container-mounts: source path does not exist: /data", "container", "mount"},
		{"slurmstepd: error: pyxis: couldn't chdir to container cwd: No such file or directory", "container", "working directory"},
		{"slurmstepd: error: pyxis: container exited too soon, possibly due to a command in the entrypoint", "container", "entrypoint"},

		{"nvidia-container-cli: initialization error: driver error: failed to process request", "node_fail", "exclude the node"},
		{"Failed to initialize NVML: Driver/library version mismatch", "node_fail", "exclude the node"},
		{"No devices were found", "node_fail", "exclude the node"},
		{"torch.AcceleratorError: CUDA error: uncorrectable ECC error encountered", "node_fail", "exclude the node"},
		{"NVRM: Xid (PCI:0009:01:00): 79, pid=1, GPU has fallen off the bus.", "node_fail", "exclude the node"},
		{"RuntimeError: CUDA error: an illegal instruction was encountered", "node_fail", "exclude the node"},
		{"gb01:12:13 [0] NCCL WARN socketStartConnect: Call to connect to 10.0.0.1<1> failed : Connection refused", "network", "NCCL_SOCKET_IFNAME"},
		{"OSError: [Errno 113] No route to host", "network", "NCCL_SOCKET_IFNAME"},
		{"torch.distributed.DistBackendError: NCCL error: ncclRemoteError: A call failed possibly due to a network error", "network", "first rank"},
		{"OSError: [Errno 98] Address already in use", "network", "earlier run"},
		{"gb01:12:13 [0] NCCL WARN Error while creating shared memory segment /dev/shm/nccl-x: shm size", "nccl", "/dev/shm"},
		{"RuntimeError: NCCL error: ncclSystemError: System call failed", "nccl", "NCCL_DEBUG"},
		{"gb01:12:13 [0] NCCL WARN Cuda failure 801 'CUDA_ERROR_NOT_SUPPORTED' (fabric)", "nccl", "segment"},
		{"gb02: Caught signal 7 (Bus error: nonexistent physical address)", "bus_error", "/dev/shm"},
		{"srun: error: gb02: task 5: Bus error", "bus_error", "/dev/shm"},

		{"huggingface_hub.errors.GatedRepoError: 403 Client Error.", "model_access", "ask for access"},
		{"OSError: You are trying to access a gated repo.", "model_access", "path"},
		{"requests.exceptions.HTTPError: 401 Client Error: Unauthorized for url: https://example/org/m", "model_access", "path"},
		{"Error: No such option: --ep", "cli", "flag"},
		{"pydantic_core._pydantic_core.ValidationError: 1 validation error for TorchLlmArgs\nuse_cuda_graph\n  Extra inputs are not permitted", "cli", "llm_api_options"},
		{"TypeError: LLM.__init__() got an unexpected keyword argument 'moe'", "cli", "option"},

		{"torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB.", "gpu_oom", "kv_cache_free_gpu_mem_fraction"},
		{"RuntimeError: The model requires at least 9 GiB, available memory is insufficient", "gpu_oom", "precision"},
		{"ValueError: KV cache memory is insufficient for one request", "kv_too_small", "kv_cache_free_gpu_mem_fraction"},
		{"Executor worker returned error", "request_failed", "log"},
		{"MPI_ABORT was invoked on rank 3 in communicator MPI_COMM_WORLD", "mpi", "PMIx"},
		{"Hang detected on rank 3 in PyExecutor.", "hang", "stacks"},
		{"srun: error: gb02: tasks 2,4-5: Exited with exit code 1", "task_exit", "log"},
	} {
		f, ok := Classify(strings.NewReader(c.log + "\n"))
		if !ok || f.Class != c.class || !strings.Contains(f.Remedy, c.remedy) || !strings.Contains(c.log, f.Line) {
			t.Errorf("%s\nis %q by %q: %s; want %s, a remedy with %q", c.log, f.Class, f.Line, f.Remedy, c.class, c.remedy)
		}
	}
}
