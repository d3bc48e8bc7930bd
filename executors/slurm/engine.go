package slurm

import (
	_ "embed"
	"strconv"
	"strings"

	"github.com/llmbench/llmbench/plan"
)

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
func (t *renderer) engine(runs []*plan.Run, prime, number int) string {
	longest := 0
	for _, r := range runs {
		longest = max(longest, r.TimeLimitSeconds)
	}
	const data = `"$LLMBENCH_DATASETS:$LLMBENCH_DATASETS"`
	step := strings.Replace(t.step(runs[prime], len(runs) > 1), data, `"$mounts"`, 1)
	return render(engineScript+"\n", map[string]string{
		"LIMIT": strconv.Itoa(longest), "OPTIONS": plan.OptionsFile,
		"PRIME": strconv.Itoa(number), "PRIMES": strconv.Itoa(prime + 1),
		"STEP":   strings.Replace(step, "srun\n", "srun\n  --job-name=engine\n", 1),
		"DRIVER": strings.TrimRight(engineDriver, "\n"), "TAKE": strings.TrimRight(takeScript, "\n"),
	})
}

// command is what measures a run: a step, or the engine that it shares.
func (t *renderer) command(run *plan.Run, shares bool) string {
	if !run.Shared() {
		return t.step(run, shares)
	}
	_, measured := launch(run.Command().Argv)
	return "bash\n  \"$LLMBENCH_ENGINE/take\"\n  " + strings.Join(quoteAll(measured), "\n  ")
}
