package trtllm_test

import (
	"bytes"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/llmbench/llmbench/executors/slurm"
	"github.com/llmbench/llmbench/plan/failure"
	"github.com/llmbench/llmbench/plan/trtllm"
)

// inJobs knows what stands in the logs of jobs.
var inJobs = trtllm.NewClassifier(slurm.Words)

func classify(log string) (trtllm.Failure, bool) { return inJobs.Classify(strings.NewReader(log)) }

// The name of each file begins with the class to be found, or with "none".
func TestClassify(t *testing.T) {
	for _, path := range trtllm.Files(t, "failures", ".txt") {
		name := strings.TrimSuffix(filepath.Base(path), ".txt")
		t.Run(name, func(t *testing.T) {
			want, _, _ := strings.Cut(name, "-")
			b := trtllm.Content(t, path)
			f, ok := classify(string(b))
			if ok != (want != "none") || ok && string(f.Code) != want {
				t.Errorf("%q for %q", f.Code, f.Line)
			}
			var out strings.Builder
			if ok {
				out.WriteString(string(f.Code) + map[bool]string{true: " (strong)", false: " (weak)"}[f.Strong] + "\n" + f.Line + "\nnode: " + f.Node + "\n" + f.Remedy + "\n")
			}
			trtllm.Golden(t, path, out.String())
			l, err := inJobs.ReadLog(bytes.NewReader(b))
			if err != nil {
				t.Fatal(err)
			}
			if (l.Failure != nil) != ok || ok && *l.Failure != f {
				t.Errorf("ReadLog says %+v, Classify %+v", l.Failure, f)
			}
		})
	}
}

// Each log is a look-alike of what some source writes, and SOURCES.md names it.
func TestLogsNameTheirSource(t *testing.T) {
	files := trtllm.Files(t, "failures", ".txt")
	rows := map[string]string{}
	for line := range strings.Lines(string(trtllm.Content(t, filepath.Join(filepath.Dir(files[0]), "SOURCES.md")))) {
		if cells := strings.SplitN(strings.TrimSpace(line), "|", 4); len(cells) == 4 {
			rows[strings.TrimSpace(cells[1])] = strings.TrimSpace(cells[2])
		}
	}
	read := 0
	for _, path := range files {
		source := rows[strings.TrimSuffix(filepath.Base(path), ".txt")]
		if !namesSource.MatchString(source) {
			t.Errorf("%s: source %q", path, source)
		}
		if ofTRTLLM.MatchString(source) {
			read++
		}
	}
	if len(files) < 60 || read < 20 || len(rows) != len(files)+2 {
		t.Errorf("%d logs, %d by statements of TensorRT-LLM, %d rows", len(files), read, len(rows))
	}
}

var (
	namesSource = regexp.MustCompile(`[@#(]|\.\w+:\d+`)
	ofTRTLLM    = regexp.MustCompile(`NVIDIA/TensorRT-LLM (tensorrt_llm|cpp)/\S+ \w+`)
)

// Whichever cause comes first is kept, and symptoms never hide one.
func TestClassifyOrder(t *testing.T) {
	const (
		oom    = "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB.\n"
		nccl   = "RuntimeError: NCCL error: unhandled system error\n"
		warn   = "gb01:12:13 [0] NCCL WARN something\n"
		abort  = "MPI_ABORT was invoked on rank 3\n"
		failed = "RuntimeError: Executor worker returned error\n"
		limit  = "slurmstepd: error: *** STEP 1.0 ON gb01 CANCELLED AT 2026-03-04T06:30:00 DUE TO TIME LIMIT ***\n"
		exit   = "srun: error: gb01: task 3: Exited with exit code 1\n"
		killed = "slurmstepd: error: Detected 1 oom_kill event in StepId=1.0.\n"
		warned = "[01/02/2026-03:04:05] [TRT-LLM] [W] retrying after CUDA out of memory\n"
	)
	for _, c := range []struct {
		log   string
		class failure.Code
	}{
		{oom + nccl + abort + limit + exit, "gpu_oom"},
		{nccl + oom, "nccl"},
		{nccl + limit, "nccl"},
		{warn + limit, "time_limit"},
		{warn + oom, "gpu_oom"},
		{failed + oom, "gpu_oom"},
		{failed + nccl, "request_failed"},
		{failed + limit, "request_failed"},
		{abort + killed, "host_oom"},
		{abort + limit, "mpi"},
		{limit + oom, "time_limit"},
		{limit + nccl, "time_limit"},
		{exit + nccl, "nccl"},
		{exit + limit, "time_limit"},
		{warned + nccl, "nccl"},
		{warned + exit, "gpu_oom"},
		{warned, "gpu_oom"},
	} {
		if f, _ := classify(c.log); f.Code != c.class {
			t.Errorf("%s\nis %s (%s), want %s", c.log, f.Code, f.Line, c.class)
		}
	}
}

// Only what ends a process is an end: a job whose log shows anything else may be
// healthy.
func TestEnds(t *testing.T) {
	for log, want := range map[string]bool{
		"[gb01:12] PMIX ERROR: ERROR in file gds_ds12_lock_pthread.c at line 9":                                                false,
		"[gb01:12] PMIX ERROR: UNREACHABLE in file client/pmix_client.c":                                                       false,
		"gb01:12:13 [0] NCCL WARN MNNVL (cliqueSize 4) is available but not working on this system.":                           false,
		"gb01:12:13 [0] NCCL WARN socketStartConnect: Call to connect to 10.0.0.1<1> failed : Connection refused":              false,
		"[W211 14:02:11.1 socket.cpp:767] [c10d] The client socket has failed to connect (errno: 113 - No route to host).":     false,
		"OSError: [Errno 98] Address already in use":                                                                           false,
		"[01/02/2026-03:04:05] [TRT-LLM] [W] retrying after CUDA out of memory":                                                false,
		"Traceback (most recent call last):\n  File \"a.py\", line 1\nModuleNotFoundError: No module named 'flashinfer_cubin'": false,
		"[01/02/2026-03:04:05] [TRT-LLM] [E] cannot read the cache of the autotuner":                                           false,
		"slurmstepd: error:  mpi/pmix_v4: pmixp_p2p_send: gb01 [0]: pmixp_utils.c:467: send failed":                            false,
		"torch.OutOfMemoryError: CUDA out of memory.":                                                                          true,
		"srun: error: gb01: task 3: Exited with exit code 1":                                                                   true,
		"MPI_ABORT was invoked on rank 3":                                                                                      true,
		"RuntimeError: NCCL error: unhandled system error":                                                                     true,
		"terminate called without an active exception":                                                                         true,
		"Error: No such option: --ep":                                                                                          true,
	} {
		if f, _ := classify(log + "\n"); f.Ends != want {
			t.Errorf("%s\nends a process: %v (%+v)", log, f.Ends, f)
		}
	}
}

func TestFailureNode(t *testing.T) {
	for log, want := range map[string]string{
		"slurmstepd: error: Detected 1 oom_kill event in StepId=1.0.\nsrun: error: gb01: task 3: Out Of Memory\n":                "gb01",
		"slurmstepd: error: Detected 1 oom_kill event in StepId=1.0.\nsrun: error: gb[01-02]: tasks 3: Killed\n":                 "",
		"slurmstepd: error: Detected 1 oom_kill event in StepId=1.0.\nsrun: error: gb01 is not a task line\n":                    "",
		"slurmstepd: error: *** STEP 1.0 ON gb01 CANCELLED AT X DUE TO NODE FAILURE, SEE SLURMCTLD LOG ***\n":                    "",
		"slurmstepd: error: *** JOB 12 STEPD TERMINATED ON gb01 AT 2026-03-04T06:30:00 DUE TO JOB NOT ENDING WITH SIGNALS ***\n": "gb01",
		"srun: error: Node failure on gb01.cluster.\n":                                                                           "gb01.cluster",
		"x-1.y:12:13 [0] NCCL WARN Cuda failure\n":                                                                               "x-1.y",
		"x-1.y:12:13 [0] NCCL WARN Call to connect failed\n":                                                                     "",
		"notes: NCCL WARN Cuda failure\n":                                                                                        "",
		"slurmstepd: error: *** STEP 1.0 ON gb01 CANCELLED AT 2026-03-04T06:30:00 DUE TO TIME LIMIT ***\n":                       "",
		"pyxis: couldn't start container\nslurmstepd: error: *** STEP 1.0 ON ... CANCELLED AT 2026-03-04T06:30:00 ***":           "",
	} {
		if f, ok := classify(log); !ok || f.Node != want {
			t.Errorf("%q: node %q, want %q", log, f.Node, want)
		}
	}
}

// Each kind of failure that a log can show, as Slurm, pyxis, the container and
// the benchmark word it: its class, and what its remedy names.
func TestFailureTable(t *testing.T) {
	for _, c := range []struct {
		log    string
		class  failure.Code
		remedy string
	}{
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
		f, ok := classify(c.log + "\n")
		if !ok || f.Code != c.class || !strings.Contains(f.Remedy, c.remedy) || !strings.Contains(c.log, f.Line) {
			t.Errorf("%s\nis %q by %q: %s; want %s, a remedy with %q", c.log, f.Code, f.Line, f.Remedy, c.class, c.remedy)
		}
	}
}

// sampleLogs are the other excerpts. A class of "" is no failure.
var sampleLogs = map[string]struct {
	class       failure.Code
	line, node  string
	phase       trtllm.Phase
	done, total int
}{
	"09-log-startup-0.20-8b-h100.txt":             {phase: trtllm.PhaseLoading},
	"10-log-dataset-details-early-0.20.txt":       {phase: trtllm.PhasePreparing},
	"11-log-iteration-lines.txt":                  {phase: trtllm.PhaseBenchmarking},
	"12-fail-oom-weight-load-multirank.txt":       {class: "gpu_oom", line: "[09/17/2025-21:24:19] [TRT-LLM] [RANK 2] [E] Error executing load_single_module"},
	"14-fail-nccl-mpirun-tail.txt":                {class: "nccl", line: "Failed, NCCL error /src/tensorrt_llm/cpp/"},
	"17-fail-slurm-time-limit.txt":                {class: "time_limit", line: "slurmstepd: error: *** JOB 494583 ON ... CANCELLED AT"},
	"18-fail-slurm-host-oom.txt":                  {class: "host_oom", line: "slurmstepd: error: Detected 1 oom_kill event", node: "nid001277"},
	"19-fail-pyxis-import.txt":                    {class: "container", line: "slurmstepd: error: pyxis: child 10028 failed", node: "compute-0"},
	"22-fail-cli-unknown-option-0.18.1.txt":       {class: "cli", line: "Error: No such option: --ep"},
	"24-fail-kv-cache-too-small-2023-trt.txt":     {class: "kv_too_small", line: "E1128 16:31:49.479096 227 backend_model.cc:634] ERROR:"},
	"25-fail-mid-benchmark-progress-bar.txt":      {class: "request_failed", line: "Traceback (most recent call last):", phase: trtllm.PhaseBenchmarking, done: 1, total: 4},
	"28-fail-sbatch-rejected.txt":                 {class: "submit_rejected", line: "sbatch: error: Batch job submission failed: Invalid account"},
	"30-log-healthy-multirank-start-1.2.0rc2.txt": {phase: trtllm.PhaseLoading},
}

func TestSampleLogs(t *testing.T) {
	dir := trtllm.SamplesDir(t)
	for name, c := range sampleLogs {
		b := trtllm.Content(t, filepath.Join(dir, name))
		l, err := inJobs.ReadLog(bytes.NewReader(b))
		if err != nil {
			t.Fatal(err)
		}
		if l.Report != nil || l.Partial != nil {
			t.Errorf("%s: a report was found", name)
		}
		if l.Phase != c.phase || l.Done != c.done || l.Total != c.total {
			t.Errorf("%s: %v, %d of %d; want %v, %d of %d", name, l.Phase, l.Done, l.Total, c.phase, c.done, c.total)
		}
		f, ok := classify(string(b))
		if ok != (c.class != "") || f.Code != c.class || !strings.HasPrefix(f.Line, c.line) || f.Node != c.node {
			t.Errorf("%s: %q %q on %q, want %q %q on %q", name, f.Code, f.Line, f.Node, c.class, c.line, c.node)
		}
	}
}

// The second and third parts of some excerpts are failures of their own.
func TestSampleParts(t *testing.T) {
	dir := trtllm.SamplesDir(t)
	for name, want := range map[string][]string{
		"17-fail-slurm-time-limit.txt": {"time_limit", "time_limit", "time_limit"},
		"18-fail-slurm-host-oom.txt":   {"host_oom on nid001277", "host_oom on Orion-01-01", "bus_error on Orion-18-69"},
	} {
		var got []string
		for _, part := range strings.Split(strings.TrimSpace(string(trtllm.Content(t, filepath.Join(dir, name)))), "\n\n") {
			f, _ := classify(part)
			name := string(f.Code)
			if f.Node != "" {
				name += " on " + f.Node
			}
			got = append(got, name)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s:\n%s", name, diff)
		}
	}
}

// Every excerpt is read by one of the tests above.
func TestSamplesAreAllRead(t *testing.T) {
	found, err := filepath.Glob(filepath.Join(trtllm.SamplesDir(t), "*.txt"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range found {
		name := filepath.Base(path)
		report := trtllm.SampleReport(name)
		_, log := sampleLogs[name]
		if !report && !log {
			t.Errorf("%s is read by no test", name)
		}
	}
}
