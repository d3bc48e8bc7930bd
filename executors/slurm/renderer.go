package slurm

import (
	"crypto/sha256"
	"debug/buildinfo"
	_ "embed"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/llmbench/llmbench/plan"
)

// simulated reports whether the launcher is the stand-in for trtllm-bench.
func (c *Config) simulated() bool {
	for i, word := range c.Launcher {
		if i > 0 && word == "trtllm-bench" && isLLMBench(c.Launcher[i-1]) {
			return true
		}
	}
	return false
}

var llmbenches sync.Map // whether a name in a PATH is one

// isLLMBench reports whether an executable is llmbench, whatever it is called. One
// that cannot be read here, as it lies on the nodes alone, is known by its name.
func isLLMBench(name string) bool {
	if strings.HasPrefix(filepath.Base(name), "llmbench") {
		return true
	}
	key := [2]string{name, os.Getenv("PATH")}
	if known, ok := llmbenches.Load(key); ok {
		return known.(bool)
	}
	is := false
	if path, err := exec.LookPath(name); err == nil {
		info, err := buildinfo.ReadFile(path)
		is = err == nil && info.Path == "github.com/llmbench/llmbench/cmd/llmbench"
	}
	llmbenches.Store(key, is)
	return is
}

// Identity implements plan.JobRenderer.
func (c *Config) Identity() plan.ExecutorIdentity {
	return plan.ExecutorIdentity{
		Launcher: slices.Clone(c.Launcher), MPI: c.MPI, Prolog: slices.Clone(c.Prolog), Exclusive: c.Exclusive,
		CPUsPerTask: c.CPUsPerTask, ExtraArgs: plan.MovingOptions(c.ExtraArgs), Simulated: c.simulated(),
	}
}

// Describe implements plan.JobRenderer.
func (c *Config) Describe() string {
	var parts []string
	for _, p := range []struct{ name, value string }{
		{"cluster", c.Cluster}, {"account", c.Account}, {"partition", c.Partition}, {"QOS", c.QOS}, {"reservation", c.Reservation},
	} {
		if p.value != "" {
			parts = append(parts, p.name+" "+p.value)
		}
	}
	if c.Exclusive && !c.InAllocation {
		parts = append(parts, "exclusive nodes")
	}
	switch {
	case c.InAllocation:
		parts = append(parts, "in the allocation of this shell, one run at a time")
	case c.Packing() != nil:
		parts = append(parts, fmt.Sprintf("up to %d runs a job", c.Pack.MaxRuns), fmt.Sprintf("at most %d queued", c.MaxInQueue))
	default:
		parts = append(parts, "one job per run", fmt.Sprintf("at most %d queued", c.MaxInQueue))
	}
	if c.simulated() {
		parts = append(parts, "SIMULATED by the stand-in")
	}
	return strings.Join(parts, ", ")
}

// Job implements plan.JobRenderer. The job is submitted from its folder, so that paths are
// relative to it.
func (c *Config) Job(runs ...*plan.Run) *plan.Job {
	first := runs[0]
	job := &plan.Job{Name: jobName(first), GPUs: first.Hardware.GPUs, TimeLimitSeconds: first.TimeLimitSeconds, Container: c.container(len(runs))}
	if len(runs) > 1 || first.Shared() {
		sum := sha256.New()
		for _, r := range runs {
			fmt.Fprintln(sum, r.Fingerprint)
		}
		job.Name = packPrefix + hex.EncodeToString(sum.Sum(nil))[:12]
		job.TimeLimitSeconds = int(plan.Packing{Margin: margin}.Limit(runs) / time.Second)
	}
	for _, r := range runs {
		job.Runs = append(job.Runs, r.Address)
	}
	job.Argv = sbatch(c.options(first, job.Name+"-"+plan.AttemptPlaceholder, job.TimeLimitSeconds))
	if c.InAllocation {
		job.Argv = insideArgv(job.TimeLimitSeconds)
	}
	job.Script = c.script(job.Name, runs, job.TimeLimitSeconds)
	return job
}

// options are sbatch's options for the resources of a run, without where output
// goes.
func (c *Config) options(run *plan.Run, name string, seconds int) []string {
	h := run.Hardware
	opts := append(named(name),
		fmt.Sprintf("--nodes=%d", h.Nodes), fmt.Sprintf("--ntasks=%d", h.GPUs), fmt.Sprintf("--ntasks-per-node=%d", h.GPUsPerNode))
	add := func(on bool, option string) {
		if on {
			opts = append(opts, option)
		}
	}
	add(c.GPUsPerNodeFlag, fmt.Sprintf("--gpus-per-node=%d", h.GPUsPerNode))
	add(c.CPUsPerTask > 0, "--cpus-per-task="+strconv.Itoa(c.CPUsPerTask))
	add(c.Exclusive, "--exclusive")
	add(c.segmentOf(run) != "", "--segment="+c.segmentOf(run))
	opts = append(opts, fmt.Sprintf("--time=%d", (seconds+59)/60))
	for _, o := range []struct{ name, value string }{
		{"clusters", c.Cluster}, {"account", c.Account}, {"partition", c.Partition}, {"qos", c.QOS},
		{"reservation", c.Reservation}, {"nodelist", c.NodeList}, {"exclude", c.Exclude},
	} {
		add(o.value != "", "--"+o.name+"="+o.value)
	}
	return append(opts, c.ExtraArgs...)
}

// named are the options that every job has.
func named(name string) []string {
	return []string{"--no-requeue", "--open-mode=append", "--job-name=" + name, "--comment=" + name}
}

// namePrefix begins the names of all jobs, packPrefix those of jobs of several runs.
const (
	namePrefix = "llmb-"
	packPrefix = namePrefix + "pack-"
)

// jobName is the stem of a job's name: the benchmark's label and the start of
// the fingerprint, in letters that every part of Slurm takes.
func jobName(run *plan.Run) string {
	label, _, _ := strings.Cut(run.Address, "/")
	label = strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return '-'
	}, strings.ToLower(label))
	return namePrefix + label[:min(16, len(label))] + "-" + run.Fingerprint[:12]
}

// imageFile is the file of a container image below image_dir, by the recipe's
// own naming: tensorrt-llm+release+TAG.sqsh.
func imageFile(image string) string {
	if at := strings.Index(image, "@"); at >= 0 {
		image = image[:at]
	}
	parts := strings.Split(image, "/")
	if len(parts) > 2 {
		parts = parts[len(parts)-2:]
	}
	return strings.ReplaceAll(strings.Join(parts, "+"), ":", "+") + ".sqsh"
}

// recipeLinks names links to an attempt's output as NVIDIA's recipe names its
// logs.
func recipeLinks(run *plan.Run, jobID string) map[string]string {
	a := run.Arguments
	n := func(name string) int { v, _ := a.Int(name); return v }
	stream := "off"
	if a.Bool("streaming") {
		stream = "on"
	}
	model, _, _ := strings.Cut(run.Model.Label, "_")
	dir := fmt.Sprintf("%s_TP%d_EP%d_PP%d_CON%d_%s", model, n("tp"), max(1, n("ep")), n("pp"), n("concurrency"), run.UseCase.Label)
	file := fmt.Sprintf("%s/%s_streaming-%s_%s", dir, dir, stream, jobID)
	return map[string]string{file + ".out": "stdout", file + ".err": "stderr"}
}

// engineDriver has the runs of a job share an engine: engineScript starts it, and
// takeScript hands it a run.
//
//go:embed engine.py
var engineDriver string

//go:embed engine.sh
var engineScript string

//go:embed take.sh
var takeScript string

// ProbeEngine is a line of bash that asks an image whether runs can share an engine of
// its TensorRT-LLM, without a GPU. Shareable reads the last line of the answer.
func ProbeEngine() string { return "python3 -c " + quote(engineDriver) + " probe 2>&1 | tail -n 1\n" }

// giveBack is what the loop over a job's runs does where an engine is needed.
const giveBack = `    if ! load; then
      deferred=$((deferred + 1))
      defer "$why"
      continue
    fi
`

// engine renders what a job script does for runs that share an engine. The run at
// prime, whose number in the script is given, primes it.
func (c *Config) engine(runs []*plan.Run, prime, number int) string {
	longest := 0
	for _, r := range runs {
		longest = max(longest, r.TimeLimitSeconds)
	}
	const data = `"$LLMBENCH_DATASETS:$LLMBENCH_DATASETS"`
	step := strings.Replace(c.step(runs[prime], len(runs) > 1), data, `"$mounts"`, 1)
	return render(engineScript+"\n", map[string]string{
		"LIMIT": strconv.Itoa(longest), "OPTIONS": plan.OptionsFile,
		"PRIME": strconv.Itoa(number), "PRIMES": strconv.Itoa(prime + 1),
		"STEP":   strings.Replace(step, "srun\n", "srun\n  --job-name=engine\n", 1),
		"DRIVER": strings.TrimRight(engineDriver, "\n"), "TAKE": strings.TrimRight(takeScript, "\n"),
	})
}

// command is what measures a run: a step, or the engine that it shares.
func (c *Config) command(run *plan.Run, shares bool) string {
	if !run.Shared() {
		return c.step(run, shares)
	}
	_, measured := launch(run.Command().Argv)
	return "bash\n  \"$LLMBENCH_ENGINE/take\"\n  " + strings.Join(quoteAll(measured), "\n  ")
}

// margin is for what goes on before, between and after the runs of a job of several: a
// run that meets its limit has a minute and a half to end.
const margin = 2 * time.Minute

// CanPack implements executors.Scheduler.
func (c *Config) CanPack() bool { return c.Pack == nil && !c.InAllocation }

// PackUpTo implements executors.Scheduler.
func (c *Config) PackUpTo(n int) string {
	if c.InAllocation {
		return inAllocation
	}
	p := defaultPack
	if c.Pack != nil {
		p = *c.Pack
	}
	p.MaxRuns = n
	c.Pack = &p
	return ""
}

// Packing implements plan.JobRenderer.
func (c *Config) Packing() *plan.Packing {
	if c.Pack == nil || c.Pack.MaxRuns == 1 {
		return nil
	}
	longest := c.Pack.MaxTime
	if c.partitionTime > 0 {
		longest = min(longest, c.partitionTime)
	}
	return &plan.Packing{MaxRuns: c.Pack.MaxRuns, MaxTime: longest, Margin: margin}
}

// container says what the runs of a job of several share.
func (c *Config) container(runs int) *string {
	word := "fresh"
	switch {
	case c.Container == nil || runs == 1:
		return nil
	case c.Container.shared():
		word = "shared"
	}
	return &word
}
