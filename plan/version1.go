package plan

import (
	"path"
	"slices"
	"strconv"
	"strings"
)

// estimatorOfVersion1 is the version of the estimator that simulated what has
// fingerprints of version 1.
const estimatorOfVersion1 = "5"

// Upgrade gives a run that was planned with an earlier fingerprint version the
// fingerprint that it has today, and the executor's settings that its command, its
// script and the submission of its job show. What was not recorded counts as the
// default.
func (r *Run) Upgrade(simulated bool, command []string, script string, submission []string) {
	if r.FingerprintVersion != 1 {
		return
	}
	r.Settings = settingsOfVersion1(command, script, submission).normal()
	if l := r.Settings.Launcher; len(l) > 1 {
		simulated = simulated || path.Base(l[0]) == "llmbench" && l[1] == "trtllm-bench"
	}
	r.Settings.Simulated, r.Simulated = simulated, simulated
	id := NewIdentity(r, r.Settings)
	if simulated {
		id.Estimator = estimatorOfVersion1
	}
	r.Fingerprint, r.FingerprintVersion = id.Fingerprint(), FingerprintVersion
}

// settingsOfVersion1 reads an executor's settings from the benchmark's command
// line, the job script and the submission.
func settingsOfVersion1(command []string, script string, submission []string) ExecutorIdentity {
	e := ExecutorIdentity{Launcher: command[:max(0, slices.Index(command, "--model"))]}
	if script == "" {
		return e
	}
	_, step, _ := strings.Cut(script, "\ncommand=(\n")
	step, _, _ = strings.Cut(step, "\n)\n")
	e.MPI = stepOption(step, "mpi")
	e.CPUsPerTask, _ = strconv.Atoi(stepOption(step, "cpus-per-task"))
	e.Prolog = prologOfVersion1(step)
	e.Exclusive = true
	if len(submission) > 0 && submission[0] == "sbatch" {
		e.Exclusive, e.ExtraArgs = submissionOfVersion1(submission)
	}
	return e
}

// stepOption is the value of an option of srun, which stand one a line.
func stepOption(step, name string) string {
	_, value, _ := strings.Cut(step, "\n  --"+name+"=")
	value, _, _ = strings.Cut(value, "\n")
	return value
}

// prologOfVersion1 finds the commands that a step runs in a shell in front of the
// launcher. No command holds a line break.
func prologOfVersion1(step string) []string {
	const before, after = "\n  bash\n  -c\n  '", " &&\nexec \"$@\"'\n  prolog\n"
	head, _, ok := strings.Cut(step, after)
	if !ok {
		return nil
	}
	i := strings.LastIndex(head, before)
	if i < 0 {
		return nil
	}
	text := strings.ReplaceAll(head[i+len(before):], `'\''`, "'")
	return strings.Split(text, " &&\n")
}

// submissionOfVersion1 reads sbatch's command line. The executor's extra options
// stand between those that llmbench sets and where output goes.
func submissionOfVersion1(argv []string) (exclusive bool, extra []string) {
	own := []string{
		"parsable", "no-requeue", "open-mode", "job-name", "comment", "nodes", "ntasks", "ntasks-per-node", "gpus-per-node", "cpus-per-task",
		"exclusive", "segment", "no-kill", "time", "clusters", "account", "partition", "qos", "reservation", "nodelist", "exclude",
	}
	rest := argv[1:]
	for _, name := range own {
		if len(rest) == 0 {
			break
		}
		if is, _ := optionName(rest[0]); is != name || !strings.HasPrefix(rest[0], "--") {
			continue
		}
		exclusive = exclusive || name == "exclusive"
		rest = rest[1:]
	}
	if i := slices.Index(rest, "--output=job.out"); i >= 0 {
		rest = rest[:i]
	}
	return exclusive, MovingOptions(rest)
}
