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
// fingerprint that it has today, and the executor's settings that its submission
// shows: argv is that of the job that ran it. What was not recorded counts as the
// default.
func (r *Run) Upgrade(simulated bool, argv []string) {
	if r.FingerprintVersion != 1 {
		return
	}
	r.Settings = settingsOfVersion1(r, argv).normal()
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
func settingsOfVersion1(r *Run, argv []string) ExecutorIdentity {
	var e ExecutorIdentity
	if len(r.Steps) > 0 {
		words := r.Steps[0].Argv
		e.Launcher = words[:max(0, slices.Index(words, "--model"))]
	}
	if r.Job.Script == nil {
		return e
	}
	script := *r.Job.Script
	_, step, _ := strings.Cut(script, "\ncommand=(\n")
	step, _, _ = strings.Cut(step, "\n)\n")
	e.MPI = stepOption(step, "mpi")
	e.CPUsPerTask, _ = strconv.Atoi(stepOption(step, "cpus-per-task"))
	e.Prolog = prologOfVersion1(step)
	e.Exclusive = true
	if len(argv) > 0 && argv[0] == "sbatch" {
		e.Exclusive, e.ExtraArgs = submissionOfVersion1(argv)
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
