package slurm

import (
	_ "embed"
	"path/filepath"
	"strings"

	"github.com/llmbench/llmbench/executors"
	"github.com/llmbench/llmbench/plan"
)

//go:embed manual.sh
var manualTemplate string

// ManualScript implements executors.ManualScripter: the job script with sbatch's options in
// its head, and in front of it the lines that make an attempt.
func (t *target) ManualScript(run *plan.Run, at executors.ManualPaths) string {
	_, body, _ := strings.Cut(t.script(jobName(run), []*plan.Run{run}, run.TimeLimitSeconds), "\n") // the interpreter stands in the head
	return render(manualTemplate, map[string]string{
		"SBATCH": t.head(run),
		"FOLDER": quote(at.Folder), "FILES": quote(at.Files), "STORE": quote(at.Store),
		"DATASET": quote(at.Dataset), "DATASETS": quote(filepath.Dir(at.Dataset)),
		"ADDRESS": run.Address, "FINGERPRINT": run.Fingerprint,
		"CLUSTER": quote(at.Cluster), "EXECUTOR": run.Executor.Type + "." + string(run.Executor.Name),
		"MODEL": quote(modelPath(run)), "GPU": quote(run.Hardware.GPU), "VERSION": quote(run.Image.TRTLLMVersion),
		"BODY": body,
	})
}

// head are sbatch's options for the resources of a run as lines of a script.
func (t *target) head(run *plan.Run) string {
	var head strings.Builder
	for _, o := range append(t.options(run, jobName(run)+"-hand", run.TimeLimitSeconds), "--output=/dev/null") {
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
