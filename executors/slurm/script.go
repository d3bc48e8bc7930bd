package slurm

import (
	_ "embed"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/llmbench/llmbench/executors"
	"github.com/llmbench/llmbench/executors/jobdir"
	"github.com/llmbench/llmbench/plan"
)

//go:embed job.sh
var jobTemplate string

//go:embed common.sh
var commonPart string

//go:embed leftovers.sh
var leftoversPart string

// script renders the script of a job of runs that share their nodes, image and
// executor. A run that has several samples in it is described once.
func (c *Config) script(name string, runs []*plan.Run, limit int) string {
	first := runs[0]
	var described, order strings.Builder
	numbers := map[*plan.Run]int{}
	for _, r := range runs {
		if numbers[r] == 0 {
			numbers[r] = len(numbers) + 1
			_, measured := launch(r.Command().Argv)
			fmt.Fprintf(&described, "run_%d() { # %s\n# fingerprint %s\nlimit=%d\n%smeasured=(\n  %s\n)\ncommand=(\n  %s\n)\n}\n",
				numbers[r], r.Address, r.Fingerprint, r.TimeLimitSeconds, exports(r.Env), strings.Join(quoteAll(measured), "\n  "), c.command(r, len(runs) > 1))
		}
		fmt.Fprintf(&order, "%d %d %s\n", r.TimeLimitSeconds, numbers[r], r.Address)
	}
	engine, load, unload := "", "", ""
	if first.Shared() {
		prime := plan.PrimeOf(runs)
		engine, load, unload = c.engine(runs, prime, numbers[runs[prime]]), giveBack, "  unload\n"
	}
	return render(jobTemplate, map[string]string{
		"COMMON": strings.TrimRight(commonPart, "\n"),
		"ENGINE": engine, "LOAD": load, "UNLOAD": unload,
		"NAME":       name,
		"RUNS":       strings.TrimRight(described.String(), "\n"),
		"ORDER":      strings.TrimRight(order.String(), "\n"),
		"LIMIT":      strconv.Itoa(limit),
		"MARGIN":     strconv.Itoa(int(margin / time.Second)),
		"SEGMENT":    quote(c.segmentOf(first)),
		"KEEPER":     c.keeper(first.Hardware.Nodes),
		"IMAGE":      quote(c.ImageFile(first.Image.Name)),
		"CHECKPOINT": checkpointDigest,
		"IMAGEFILE":  imageIdentity,
		"TELEMETRY":  c.telemetry(first),
	})
}

// segmentOf is the size of the blocks that a run's job asks for, "" for none.
func (c *Config) segmentOf(run *plan.Run) string {
	if !c.Segment || run.Hardware.Nodes < 2 || c.InAllocation {
		return ""
	}
	return strconv.Itoa(run.Hardware.Nodes)
}

// ImageFile implements executors.Scheduler.
func (c *Config) ImageFile(image string) string {
	if c.Container == nil {
		return ""
	}
	return filepath.Join(c.Container.ImageDir, imageFile(image))
}

// sampled are the columns of telemetry, as nvidia-smi names them.
const sampled = "timestamp,index,clocks.sm,clocks.mem,power.draw,temperature.gpu,clocks_throttle_reasons.active,memory.used"

// telemetry starts a sampler on every node that ends with the job. A node
// without nvidia-smi has none.
func (c *Config) telemetry(run *plan.Run) string {
	if !c.Telemetry {
		return "  missing \"telemetry is switched off in the executor\" telemetry >>observed\n"
	}
	words := append(beside(run.Hardware.Nodes), "--output=telemetry.%N.csv", "--error=/dev/null")
	if c.GPUsPerNodeFlag {
		words = append(words, fmt.Sprintf("--gpus-per-node=%d", run.Hardware.GPUsPerNode))
	}
	words = append(words, "nvidia-smi", "--query-gpu="+sampled, "--format=csv,noheader,nounits", "-l", "5")
	return "  if command -v nvidia-smi >/dev/null; then\n    " + strings.Join(words, " ") + " &\n    sampler=$!\n  fi\n"
}

// keeper starts a step on every node of a job that removes what containers leave
// there: those of jobs that are gone at once, its own job's when that ends.
func (c *Config) keeper(nodes int) string {
	if c.Container == nil || c.InAllocation { // an allocation may have containers of other steps
		return ""
	}
	step := append(beside(nodes), "--job-name="+keeperStep, "--error=/dev/null")
	return strings.TrimRight(leftoversPart, "\n") + "\n\nif [ $# -eq 0 ] && command -v enroot >/dev/null; then\n  exec 8< <(exec " + strings.Join(step, " ") +
		" bash -c \"$(declare -f submitted sweep remove_own keep); keep\")\n  keeper=$!\nfi\n"
}

// keeperStep is the name of the keeper's step.
const keeperStep = "keeper"

// onEach are the words of a step that has one task on each of so many nodes.
func onEach(nodes int) []string {
	return []string{fmt.Sprintf("--nodes=%d", nodes), fmt.Sprintf("--ntasks=%d", nodes), "--ntasks-per-node=1", "--mpi=none", "--mem=0", "--input=none"}
}

// beside starts a step beside the benchmark's on the nodes of the run.
func beside(nodes int) []string { return append([]string{"srun", "--overlap"}, onEach(nodes)...) }

// exports assigns the declared environment, secrets left out.
func exports(env map[string]*string) string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(env)) {
		if v := env[name]; v != nil {
			fmt.Fprintf(&b, "export %s=%s\n", name, quote(*v))
		}
	}
	return b.String()
}

// step is srun with its arguments, one a line, as elements of a bash array.
func (c *Config) step(run *plan.Run, shares bool) string {
	h := run.Hardware
	var words []string
	add := func(list ...string) {
		for _, w := range list {
			words = append(words, quote(w))
		}
	}
	add("srun", fmt.Sprintf("--nodes=%d", h.Nodes), fmt.Sprintf("--ntasks=%d", h.GPUs), fmt.Sprintf("--ntasks-per-node=%d", h.GPUsPerNode))
	if c.GPUsPerNodeFlag {
		add(fmt.Sprintf("--gpus-per-node=%d", h.GPUsPerNode))
	}
	if c.CPUsPerTask > 0 {
		add("--cpus-per-task=" + strconv.Itoa(c.CPUsPerTask))
	}
	add("--mem=0", "--mpi="+c.MPI, "--kill-on-bad-exit=1", "--output=stdout.%t", "--error=stderr.%t")
	if c.Container != nil {
		words = append(words, c.Container.words(run)...)
		if shares && c.Container.shared() {
			words = append(words, `--container-name="`+sharedContainer+`"`, "--container-readonly")
		}
	}
	if len(c.Prolog) > 0 {
		add("bash", "-c", strings.Join(append(slices.Clone(c.Prolog), `exec "$@"`), " &&\n"), "prolog")
	}
	launcher, _ := launch(run.Command().Argv)
	add(launcher...)
	return strings.Join(words, "\n  ")
}

// launch divides a command into what srun starts and what is measured. The measured
// command, whose status counts, is a file in the attempt's folder: srun gets it as
// one word, since launchers of before June 2025 run what they are given unquoted.
// Behind trtllm-llmapi-launch it runs on one rank; any other launcher is part of it.
func launch(argv []string) (step, measured []string) {
	if filepath.Base(argv[0]) == "trtllm-llmapi-launch" {
		return []string{argv[0], "./" + jobdir.BenchFile}, argv[1:]
	}
	return []string{"./" + jobdir.BenchFile}, argv
}

// words are the container's flags of pyxis. What only the attempt knows is left
// to the script's variables.
func (c *Container) words(run *plan.Run) []string {
	image := filepath.Join(c.ImageDir, imageFile(run.Image.Name))
	mounts := `"$LLMBENCH_ATTEMPT:$LLMBENCH_ATTEMPT","$LLMBENCH_DATASETS:$LLMBENCH_DATASETS"`
	weights := ""
	if run.Model.Path != nil {
		weights = *run.Model.Path
		mounts += "," + quote(mountOf(weights))
	}
	for _, f := range run.Files() {
		if m := mountOf(f.Path); weights == "" || m != mountOf(weights) {
			mounts += "," + quote(m+":ro")
		}
	}
	for _, m := range c.Mounts {
		mounts += "," + quote(m)
	}
	out := []string{quote("--container-image=" + image), "--container-mounts=" + mounts, `--container-workdir="$LLMBENCH_ATTEMPT"`}
	if c.Writable {
		out = append(out, "--container-writable")
	}
	if !c.MountHome {
		out = append(out, "--no-container-mount-home")
	}
	return out
}

// mountOf mounts a path where it is. In the cache of Hugging Face that is the whole
// repository: the files of a revision are links to ../../blobs.
func mountOf(path string) string {
	if repository, _, ok := strings.Cut(path, "/snapshots/"); ok && strings.HasPrefix(filepath.Base(repository), "models--") {
		path = repository
	}
	return path + ":" + path
}

// sharedContainer names the container that the runs of a job share; leftovers.sh
// knows it by that.
const sharedContainer = "llmbench-${SLURM_CLUSTER_NAME:-}-$SLURM_JOB_ID"

// shared reports whether runs can share a container, which then is unpacked
// once: what one run writes into it, the next would find.
func (c *Container) shared() bool { return c != nil && !c.Writable }

// render puts values into the places @NAME@ of a script.
func render(text string, values map[string]string) string {
	var b strings.Builder
	for {
		before, rest, found := strings.Cut(text, "@")
		b.WriteString(before)
		if !found {
			return b.String()
		}
		name, after, _ := strings.Cut(rest, "@")
		if value, known := values[name]; known {
			b.WriteString(value)
			text = after
		} else {
			b.WriteByte('@')
			text = rest
		}
	}
}

// quote makes s one word of a POSIX shell. NUL cannot be in a word; callers have
// refused it.
func quote(s string) string {
	if s != "" && strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_=./:+,@%") == "" {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

//go:embed manual.sh
var manualTemplate string

// ManualScript implements executors.Scheduler: the job script with sbatch's options in
// its head, and in front of it the lines that make an attempt.
func (c *Config) ManualScript(run *plan.Run, at executors.ManualPaths) string {
	_, body, _ := strings.Cut(c.script(jobName(run), []*plan.Run{run}, run.TimeLimitSeconds), "\n") // the interpreter stands in the head
	return render(manualTemplate, map[string]string{
		"SBATCH": c.head(run),
		"FOLDER": quote(at.Folder), "FILES": quote(at.Files), "STORE": quote(at.Store),
		"DATASET": quote(at.Dataset), "DATASETS": quote(filepath.Dir(at.Dataset)),
		"ADDRESS": run.Address, "FINGERPRINT": run.Fingerprint,
		"CLUSTER": quote(at.Cluster), "EXECUTOR": run.Executor.Type + "." + string(run.Executor.Name),
		"MODEL": quote(modelPath(run)), "GPU": quote(run.Hardware.GPU), "VERSION": quote(run.Image.TRTLLMVersion),
		"BODY": body,
	})
}

// head are sbatch's options for the resources of a run as lines of a script.
func (c *Config) head(run *plan.Run) string {
	var head strings.Builder
	for _, o := range append(c.options(run, jobName(run)+"-hand", run.TimeLimitSeconds), "--output=/dev/null") {
		head.WriteString("#SBATCH " + o + "\n")
	}
	return strings.TrimRight(head.String(), "\n")
}

func modelPath(run *plan.Run) string {
	if run.Model.Path == nil {
		return ""
	}
	return *run.Model.Path
}
