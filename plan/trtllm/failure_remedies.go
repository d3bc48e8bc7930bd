package trtllm

import "bytes"

// A cure is what to do about a class of failure; with a mark, in lower case, for
// lines that have it.
type cure struct{ class, mark, remedy string }

// cures stand with the finer ones of a class before its general one.
var cures = []cure{
	{"submit_rejected", "socket timed out", "the job may have been accepted all the same: apply again, it is looked for first"},
	{"submit_rejected", "unable to contact slurm controller", "the controller is down or busy: apply again later, the job is looked for first"},
	{"submit_rejected", "zero bytes were transmitted", "the controller is down or busy: apply again later, the job is looked for first"},
	{"submit_rejected", "rate limit exceeded", "the controller is asked too often: raise poll_interval, then apply again"},
	{"submit_rejected", "job violates accounting/qos policy", "a limit on jobs, size or time is reached: let your own jobs end, or ask for less time"},
	{"submit_rejected", "invalid account", "set account to one that may use the partition (`sacctmgr show assoc user=$USER` lists them)"},
	{"submit_rejected", "invalid qos", "set qos to one that the account may use"},
	{"submit_rejected", "user's group not permitted", "choose a partition that your group may use"},
	{"submit_rejected", "invalid partition", "correct partition (`sinfo -s` lists them)"},
	{"submit_rejected", "invalid node name", "correct the nodes that are named or excluded: they are another cluster's"},
	{"submit_rejected", "requested node configuration is not available", "no node has what is asked for: compare with `sinfo -o '%P %G %c %m %D'`"},
	{"submit_rejected", "invalid generic resource", "the cluster does not know this kind of GPU request: change the way of asking for GPUs"},
	{"submit_rejected", "topology configuration is not available", "correct segment: it counts nodes and must divide their number"},
	{"submit_rejected", "invalid --segment", "correct segment: it counts nodes and must divide their number"},
	{"submit_rejected", "time limit", "set time_limit to no more than the partition allows (`sinfo -o '%P %l'`)"},
	{"submit_rejected", "authentication", "try another login node: munge or the clock of this one is off"},
	{"submit_rejected", "incompatible versions", "use the Slurm commands of the host, not of a container"},
	{"submit_rejected", "requested reservation", "correct reservation: it has ended, or you are not in it"},
	{"submit_rejected", "unable to create step", "the step asks for more than its job has: set nodes, CPUs and GPUs of the step explicitly"},
	{"submit_rejected", "unable to confirm allocation", "the job had ended already: start from a shell without SLURM_JOB_ID"},
	{"submit_rejected", "", "change what the message names, then apply again"},
	{"time_limit", "", "raise time_limit, or lower num_requests"},
	{"preempted", "", "apply again; a QOS or partition that is not preempted avoids this"},
	{"node_fail", "not ending with signals", "a process cannot be killed, as where the driver or a file system hangs: exclude the node, and tell the site"},
	{"node_fail", "kill task failed", "a process cannot be killed, as where the driver or a file system hangs: exclude the node, and tell the site"},
	{"node_fail", "", "apply again; exclude the node if it fails again"},
	{"requeue", "", "apply again"},
	{"host_oom", "", "the node's own memory ran out, often while loading weights: ask for all of it (--mem=0), or set TRT_LLM_DISABLE_LOAD_WEIGHTS_IN_PARALLEL=True in env"},
	{"container", "401 unauthorized", "give enroot credentials for the registry, and write the image as registry#organization/image:tag"},
	{"container", "too many requests", "the registry refuses more downloads: import the image once to a .sqsh file"},
	{"container", " 429", "the registry refuses more downloads: import the image once to a .sqsh file"},
	{"container", " 404", "correct the image's name or tag: the registry does not know it"},
	{"container", "no space left on device", "point ENROOT_CACHE_PATH and ENROOT_TEMP_PATH at a larger file system, or exclude the node"},
	{"container", "could not acquire rootfs lock", "two imports met: import the image once to a .sqsh file"},
	{"container", "stale file handle", "two imports met: import the image once to a .sqsh file"},
	{"container", "file already exists", "two imports met: import the image once to a .sqsh file"},
	{"container", "/run/enroot", "pyxis may not write to its runtime folder on this node: tell the site"},
	{"container", "squashfs superblock", "the .sqsh file is not whole: import it again"},
	{"container", "source path does not exist", "create the directory that is mounted, on every node, or correct the mount"},
	{"container", "chdir to container cwd", "correct the working directory, or mount it into the container"},
	{"container", "exited too soon", "the image's entrypoint ends it: start it without one (--no-container-entrypoint)"},
	{"container", "unrecognized option", "this host's Slurm has no pyxis: submit from another, or run without a container"},
	{"container", "", "read the lines of pyxis around this one, and check the image and the container runtime on the node"},
	{"model_access", "", "ask for access to the model on its page, or set path to a downloaded checkpoint"},
	{"cli", "exec format error", "the program is for another architecture: choose an image for the node's"},
	{"cli", "command not found", "check image and launcher: trtllm-bench is not in the path"},
	{"cli", "going to /tmp instead", "the store must be on a file system that the nodes share"},
	{"cli", "cpus-per-task set by two", "set cpus_per_task in the executor, so that sbatch and srun are told the same"},
	{"cli", "could not open stdout file", "the store must be on a file system that the nodes share, and writable there"},
	{"cli", "extra inputs are not permitted", "change the option of llm_api_options that the message names: this version does not know it"},
	{"cli", "", "change the flag or option that the message names"},
	{"gpu_oom", "requires at least", "the weights do not fit: use more GPUs, or a checkpoint of lower precision"},
	{"gpu_oom", "", "lower kv_cache_free_gpu_mem_fraction, max_num_tokens or max_batch_size, or use more GPUs"},
	{"kv_too_small", "", "raise kv_cache_free_gpu_mem_fraction, lower max_batch_size or max_seq_len, or use more GPUs"},
	{"network", "address already in use", "a process of an earlier run may be left on the node: apply again, or exclude it"},
	{"network", "", "a wrong interface or a dead peer: set NCCL_SOCKET_IFNAME in env, and read the first rank that failed"},
	{"nccl", "cuda_error_not_supported", "the job straddles NVLink domains: set segment, or NCCL_MNNVL_ENABLE=0 in env"},
	{"nccl", "shm", "give the container a larger /dev/shm and unlimited locked memory"},
	{"nccl", "", "read the first rank that failed, with NCCL_DEBUG=WARN in env; a bad link or interface shows here first"},
	{"mpi", "invalid mpi type", "set mpi to a type that `srun --mpi=list` shows"},
	{"mpi", "not built with slurm", "set mpi to pmix"},
	{"mpi", "", "check that mpi and the launcher go with the PMIx in the container"},
	{"bus_error", "", "often a small /dev/shm (GB200): give the container a larger one"},
	{"hang", "step creation temporarily disabled", "another step holds what this one asks for: look for a step that did not end, and set nodes, CPUs and GPUs of the step explicitly"},
	{"hang", "", "read the stacks in the log; apply again"},
	{"request_failed", "", "read the log above this line"},
	{"task_exit", "", "read the log above this line"},
}

// remedy is what to do about a class of failure that a line, in lower case,
// shows.
func remedy(class string, lower []byte) string {
	if r := finerRemedy(class, lower); r != "" {
		return r
	}
	for _, c := range cures {
		if c.class == class && c.mark == "" {
			return c.remedy
		}
	}
	panic("trtllm: no remedy for " + class)
}

// finerRemedy is the remedy of a mark in the line, "" for none.
func finerRemedy(class string, lower []byte) string {
	for _, c := range cures {
		if c.class == class && c.mark != "" && bytes.Contains(lower, []byte(c.mark)) {
			return c.remedy
		}
	}
	return ""
}
