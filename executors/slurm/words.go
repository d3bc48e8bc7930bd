package slurm

import (
	"strings"

	"github.com/llmbench/llmbench/plan/failure"
)

// Words are how Slurm, pyxis and enroot tell failures in the logs of a job. Their
// texts are those of their sources.
var Words = failure.Patterns{
	Signatures: signatures,
	Advice:     append(refusalAdvice(), advice...),
	Hosts: []failure.HostPattern{
		// The host that a cancellation names is where the message came from: not
		// the one that failed.
		{Codes: []failure.Code{failure.NodeFail, failure.Launch}, After: "failed on node "},
		{Codes: []failure.Code{failure.NodeFail}, After: "Node failure on "},
		{Codes: []failure.Code{failure.NodeFail}, After: "STEPD TERMINATED ON "},
		{Codes: ofHosts, After: "srun: error: ", Before: ": task", Unless: []string{": Terminated", ": Killed"}},
		{Codes: []failure.Code{failure.Launch}, After: "mpi/pmix", Before: " ["},
		{Codes: []failure.Code{failure.HostOOM, failure.Container, failure.BusError}, After: " ON ", Before: " CANCELLED AT"},
	},
	Blocks: []failure.Block{
		{Code: failure.Container, Begin: "printing enroot log file", Each: "pyxis:     ", Causes: causes, Chatter: chatter},
		{Code: failure.Container, Begin: "printing contents of log file", Each: "pyxis:     ", Causes: causes, Chatter: chatter},
	},
	Noise: []string{
		"job step aborted: waiting up to ",
		"force terminated job",
	},
}

// causes and chatter are how enroot, its hooks and the programs that it starts say
// what failed, and what is by the way: levels of enroot's log, and what unsquashfs
// prints while it unpacks.
var (
	causes  = []string{"nvidia-container-cli: ", "[error]", "[fatal]", "fatal error:"}
	chatter = []string{"[info]", "[warn]", "[debug]", "parallel unsquashfs: using ", " blocks) to write", "pyxis:     created "}
)

// ofHosts are the failures whose host srun names when it tells of the task.
var ofHosts = []failure.Code{failure.HostOOM, failure.Container, failure.BusError, failure.CUDAInit}

var signatures = []failure.Signature{
	sig(failure.SubmitRejected, failure.Root, "batch job submission failed:"),
	sig(failure.SubmitRejected, failure.Root, "unable to allocate resources:"),
	sig(failure.NodeFail, failure.Root, "unable to create step for job", "requested node configuration is not available"),
	sig(failure.SubmitRejected, failure.Root, "error: unable to create step for job"),
	sig(failure.SubmitRejected, failure.Root, "unable to confirm allocation for job"),
	sig(failure.SubmitRejected, failure.Root, "batch script is empty!"),
	sig(failure.SubmitRejected, failure.Root, "batch script contains dos line breaks"),

	sig(failure.TimeLimit, failure.Plain, "cancelled at ", "due to time limit"),
	sig(failure.Preempted, failure.Root, "cancelled at ", "due to preemption"),
	sig(failure.NodeFail, failure.Root, "cancelled at ", "due to node failure"),
	sig(failure.NodeFail, failure.Root, "srun: error: node failure on "),
	// A step that is cancelled while it starts fails with these words too.
	sig(failure.TaskExit, failure.Weak, "task launch for ", "job credential revoked"),
	sig(failure.NodeFail, failure.Root, "task launch for ", "failed on node "),
	sig(failure.NodeFail, failure.Root, "application launch failed:"),
	// A process that cannot be killed stands in the driver or the file system.
	sig(failure.NodeFail, failure.Weak, "due to job not ending with signals"),
	sig(failure.NodeFail, failure.Weak, "kill task failed"),
	sig(failure.Requeue, failure.Root, "cancelled at ", "due to job requeue"),

	sig(failure.HostOOM, failure.Root, "detected ", "oom_kill event"),
	sig(failure.HostOOM, failure.Root, "detected ", "oom-kill event"),
	sig(failure.HostOOM, failure.Root, "srun: error: ", "task", ": out of memory"),

	sig(failure.Container, failure.Root, "pyxis: child ", " failed with error code"),
	sig(failure.Container, failure.Root, "failed to import docker image"),
	sig(failure.Container, failure.Root, "failed to create container filesystem"),
	sig(failure.Container, failure.Root, "pyxis: importer ", " failed with exit code"),
	sig(failure.Container, failure.Vague, "printing enroot log file"),
	sig(failure.Container, failure.Vague, "printing contents of log file"),
	sig(failure.Container, failure.Root, "couldn't start container"),
	sig(failure.Container, failure.Root, "container start failed"),
	sig(failure.Container, failure.Root, "container exited too soon"),
	sig(failure.Container, failure.Root, "spank: required plugin spank_pyxis.so"),
	sig(failure.Container, failure.Root, "unrecognized option '--container-"),
	sig(failure.Container, failure.Root, "--container-mounts: source path does not exist"),
	sig(failure.Container, failure.Root, "couldn't chdir to container cwd"),
	sig(failure.Container, failure.Root, "could not acquire rootfs lock"),
	sig(failure.Container, failure.Root, "file already exists: ", ".sqsh"),
	sig(failure.Container, failure.Root, "can't find a squashfs superblock"),
	sig(failure.Container, failure.Root, "cannot create directory", "/run/enroot"),
	sig(failure.Container, failure.Root, "write failed because no space left on device"),
	sig(failure.Container, failure.Plain, "pyxis: couldn't "),
	sig(failure.Container, failure.Root, "failed to create user namespace"),

	sig(failure.CLI, failure.Root, "couldn't chdir to ", "going to /tmp instead"),
	sig(failure.CLI, failure.Root, "could not open stdout file"),
	sig(failure.CLI, failure.Root, "error: execve(): ", "no such file or directory"),
	sig(failure.CLI, failure.Root, "cpus-per-task set by two different environment variables"),

	sig(failure.MPI, failure.Root, "invalid mpi type"),
	sig(failure.MPI, failure.Root, "can not load pmix library"),

	sig(failure.Launch, failure.Root, "srun: error: task ", " launch failed:"),
	sig(failure.Launch, failure.Root, "srun: error: tasks ", " launch failed:"),
	sig(failure.Launch, failure.Plain, "failed mpi_g_slurmstepd_prefork"),
	sig(failure.MPI, failure.Root, "incorrect pmix library version loaded"),
	sig(failure.Launch, failure.Hint, "slurmstepd: error:  mpi/pmix"),
	sig(failure.Launch, failure.Hint, "slurmstepd: error: mpi/pmix"),

	sig(failure.Hang, failure.Weak, "step creation temporarily disabled, retrying"),

	sig(failure.TaskExit, failure.Weak, "srun: error: ", "exited with exit code "),
	sig(failure.TaskExit, failure.Weak, "srun: error: ", ": terminated"),
}

func sig(code failure.Code, grade failure.Strength, marks ...string) failure.Signature {
	return failure.Signature{Code: code, Grade: grade, Marks: marks}
}

// refusalAdvice is what to do about refusals, as it is said at submission.
func refusalAdvice() []failure.Advice {
	var out []failure.Advice
	for _, a := range answers {
		if a.remedy != "" {
			out = append(out, failure.Advice{Code: failure.SubmitRejected, Mark: strings.ToLower(a.words), Remedy: a.remedy})
		}
	}
	return out
}

const (
	importOnce  = "import the image once to a .sqsh file"
	twoImports  = "two imports met: " + importOnce
	lookedFor   = "the job may have been accepted: apply again, it is looked for first"
	busy        = "the controller is down or busy: apply again later, the job is looked for first"
	notWhole    = "the .sqsh file is not whole: import it again (`llmbench prepare -check -deep` compares its checksum)"
	tooManyPull = "the registry refuses more downloads: " + importOnce
)

var advice = []failure.Advice{
	{Code: failure.SubmitRejected, Mark: "socket timed out", Remedy: lookedFor},
	{Code: failure.SubmitRejected, Mark: "unable to contact slurm controller", Remedy: busy},
	{Code: failure.SubmitRejected, Mark: "zero bytes were transmitted", Remedy: busy},
	{Code: failure.SubmitRejected, Mark: "rate limit exceeded", Remedy: "the controller is asked too often: raise poll_interval, then apply again"},
	{Code: failure.SubmitRejected, Mark: "violates accounting/qos policy", Remedy: "a limit on jobs, size or time is reached: let your own jobs end, or ask for less time"},
	{Code: failure.SubmitRejected, Mark: "unable to create step", Remedy: "the step asks for more than its job has: set nodes, CPUs and GPUs of the step explicitly"},
	{Code: failure.SubmitRejected, Mark: "unable to confirm allocation", Remedy: "the job had ended already: start from a shell without SLURM_JOB_ID"},
	{Code: failure.NodeFail, Mark: "not ending with signals", Remedy: "a process cannot be killed, as where the driver or a file system hangs: exclude the node, and report it to the site"},
	{Code: failure.NodeFail, Mark: "kill task failed", Remedy: "a process cannot be killed, as where the driver or a file system hangs: exclude the node, and report it to the site"},
	{Code: failure.Container, Mark: "401 unauthorized", Remedy: "give enroot credentials for the registry, and write the image as registry#organization/image:tag", Everywhere: true},
	{Code: failure.Container, Mark: "too many requests", Remedy: tooManyPull, Everywhere: true},
	{Code: failure.Container, Mark: " 429", Remedy: tooManyPull, Everywhere: true},
	{Code: failure.Container, Mark: " 404", Remedy: "correct the image's name or tag: the registry does not know it", Everywhere: true},
	{Code: failure.Container, Mark: "no space left on device", Remedy: "point ENROOT_CACHE_PATH and ENROOT_TEMP_PATH at a larger file system, or exclude the node"},
	{Code: failure.Container, Mark: "could not acquire rootfs lock", Remedy: twoImports},
	{Code: failure.Container, Mark: "stale file handle", Remedy: twoImports},
	{Code: failure.Container, Mark: "file already exists", Remedy: twoImports, Everywhere: true},
	{Code: failure.Container, Mark: "/run/enroot", Remedy: "pyxis may not write to its runtime folder on this node: report it to the site"},
	{Code: failure.Container, Mark: "squashfs superblock", Remedy: notWhole, Everywhere: true},
	{Code: failure.Container, Mark: "failed to read block", Remedy: notWhole, Everywhere: true},
	{Code: failure.Container, Mark: "uncompress failed", Remedy: notWhole, Everywhere: true},
	{Code: failure.Container, Mark: "invalid image format", Remedy: notWhole, Everywhere: true},
	{Code: failure.Container, Mark: "no such file or directory: ", Remedy: "the image file is not there: correct its path, or run `llmbench prepare`", Everywhere: true},
	{Code: failure.Container, Mark: "source path does not exist", Remedy: "create the directory that is mounted, on every node, or correct the mount", Everywhere: true},
	{Code: failure.Container, Mark: "chdir to container cwd", Remedy: "correct the working directory, or mount it into the container", Everywhere: true},
	{Code: failure.Container, Mark: "exited too soon", Remedy: "the image's entrypoint ends it: start it without one (--no-container-entrypoint)", Everywhere: true},
	{Code: failure.Container, Mark: "unrecognized option", Remedy: "this host's Slurm has no pyxis: submit from another, or run without a container", Everywhere: true},
	{Code: failure.Container, Mark: "failed to create user namespace", Remedy: "the node does not allow user namespaces, which enroot needs (sysctl user.max_user_namespaces, kernel.unprivileged_userns_clone or kernel.apparmor_restrict_unprivileged_userns): exclude the node, and report it to the site"},
	{Code: failure.CLI, Mark: "going to /tmp instead", Remedy: "the store must be on a file system that the nodes share", Everywhere: true},
	{Code: failure.CLI, Mark: "cpus-per-task set by two", Remedy: "set cpus_per_task in the executor, so that sbatch and srun get the same", Everywhere: true},
	{Code: failure.CLI, Mark: "could not open stdout file", Remedy: "the store must be on a file system that the nodes share, and writable there", Everywhere: true},
	{Code: failure.CLI, Mark: "no such file or directory", Remedy: "check image and launcher: what is named is not in the path", Everywhere: true},
	{Code: failure.MPI, Mark: "invalid mpi type", Remedy: "set mpi to a type that `srun --mpi=list` shows", Everywhere: true},
	{Code: failure.Launch, Mark: "pmix", Remedy: "PMIx does not start on the node: look for its library and its temporary folder (PMIxDirectConn, TmpFS) in slurmd's log, exclude the node, or set mpi to another type"},
	{Code: failure.Hang, Mark: "step creation temporarily disabled", Remedy: "another step holds what this one asks for: look for a step that did not end, and set nodes, CPUs and GPUs of the step explicitly", Everywhere: true},
}
