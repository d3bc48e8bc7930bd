package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/llmbench/llmbench/executors/jobdir"
	"github.com/llmbench/llmbench/executors/slurm/slurmtest"
)

// packedRuns is how many runs the pack has: a gap fewer.
const packedRuns = 8

// packRow measures how long the GPUs of an allocation wait between two runs of a
// pack, which do nothing but note when they begin and end.
func packRow() *row {
	return &row{
		name: "PackGap", work: "gap between two runs of a pack, 8 tasks on 2 nodes", unit: "runs",
		sizes: []int{packedRuns}, counts: packedRuns, fixed: true,
		available: func(*lab) error { return slurmtest.Available(slurmtest.Options{}) },
		prepare:   func(l *lab, _ int) error { return l.slurm() },
		do:        packGap,
		floorName: "bare srun steps, one after another",
		floor:     stepGap,
		targets:   []target{within(2)},
	}
}

// slurm starts a throwaway Slurm for all rows that need one.
func (l *lab) slurm() error {
	if l.kept["slurm"] != nil {
		return nil
	}
	dir, err := os.MkdirTemp("", "slurm") // sockets have short names only
	if err != nil {
		return err
	}
	c, err := slurmtest.Start(l.ctx, dir, slurmtest.Options{})
	l.atEnd = append(l.atEnd, func() { c.Stop(); os.RemoveAll(dir) })
	l.kept["slurm"] = c
	l.env = append(l.env, c.Env()...)
	return err
}

// noting is what a run does: rank 0 notes when it begins and ends.
const noting = `case $SLURM_PROCID in 0) date +%s%N >began; sleep 0.3; date +%s%N >over ;; *) sleep 0.3 ;; esac
`

// noted makes a folder with definitions of so many noting runs; the cluster is
// asked about them as often as poll says.
func (l *lab) noted(runs int, poll string) (dir string, err error) {
	if dir, err = os.MkdirTemp(l.dir, "noted"); err != nil {
		return "", err
	}
	var levels []string
	for i := range runs {
		levels = append(levels, strconv.Itoa(8*(i+1)))
	}
	step := filepath.Join(dir, "step.sh")
	text := fmt.Sprintf(notingRuns, poll, step, runs, strings.Join(levels, ", "))
	for path, content := range map[string]string{step: noting, filepath.Join(dir, "main.hcl"): text} {
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			return "", err
		}
	}
	return dir, nil
}

func packGap(l *lab, _ int) (sample, error) {
	dir, err := l.noted(packedRuns, "1s")
	if err != nil {
		return sample{}, err
	}
	if s, err := l.llmbench("apply", "-auto-approve", "-skip-checks", "-detach", dir); err != nil {
		return s, err
	}
	store := filepath.Join(dir, ".llmbench")
	for found := []string(nil); len(found) == 0; time.Sleep(100 * time.Millisecond) {
		if err := l.ctx.Err(); err != nil {
			return sample{}, err
		}
		found, _ = filepath.Glob(filepath.Join(store, "packs", "*", "*", jobdir.ExitFile))
	}
	return gaps(filepath.Join(store, "runs", "*", "*", "sample-1", "attempt-1"))
}

// notingRuns are runs that differ in one argument, in one pack.
const notingRuns = `
executor "slurm" "bench" {
  partition     = "batch"
  poll_interval = %q
  canary        = false
  launcher      = ["bash", %q]

  pack {
    max_runs = %d
  }
}
model "maverick" {
  checkpoint   = "nvidia/Llama-4-Maverick-17B-128E-Instruct-FP8"
  path         = "/weights"
  quantization = "FP8"
}
hardware "gb200x8" {
  gpu           = "GB200"
  gpus          = 8
  gpus_per_node = 4
}
image "rc4" {
  name            = "nvcr.io/nvidia/tensorrt-llm/release:1.0.0rc4"
  llm_api_options = { enable_attention_dp = true }
}
use_case "chat" {
  isl = 128
  osl = 128
}
benchmark "gap" {
  model          = model.maverick
  hardware       = hardware.gb200x8
  image          = image.rc4
  time_limit     = "5m"
  tp             = 8
  ep             = 8
  max_batch_size = 128
  max_num_tokens = 8192
  num_requests   = 256

  use_case "chat" {}

  matrix {
    concurrency = [%s]
  }
}
`

// stepGap measures the gaps of as many steps in one job that nothing drives but a
// loop.
func stepGap(l *lab, _ int) (sample, error) {
	dir, err := l.bareSteps(fmt.Sprintf(`for i in $(seq %d); do
  mkdir "$i" && cd "$i" || exit
  %s
  cd ..
done
`, packedRuns, fmt.Sprintf(bareStep, "../step.sh")))
	if err != nil {
		return sample{}, err
	}
	return gaps(filepath.Join(dir, "*"))
}

// bareStep starts the noting script at a path as a run's step is started.
const bareStep = "srun --nodes=2 --ntasks=8 --ntasks-per-node=4 --gpus-per-node=4 --mem=0 --mpi=pmix --output=stdout --error=stderr bash %s"

// bareSteps runs lines of shell as a job, with the noting script beside them, and
// waits for its end.
func (l *lab) bareSteps(lines string) (dir string, err error) {
	if dir, err = os.MkdirTemp(l.dir, "steps"); err != nil {
		return "", err
	}
	for name, content := range map[string]string{"step.sh": noting, "job.sh": "#!/bin/bash\n" + lines + "\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o755); err != nil {
			return "", err
		}
	}
	_, err = l.process(nil, "sbatch", "--wait", "--chdir="+dir, "--output=/dev/null", "--nodes=2", "--ntasks=8", "--ntasks-per-node=4",
		"--gpus-per-node=4", "--exclusive", filepath.Join(dir, "job.sh"))
	return dir, err
}

// gaps is the median of the times between the end of one run and the beginning of
// the next, by what they noted in folders.
func gaps(folders string) (sample, error) {
	var began, over []int64
	for name, list := range map[string]*[]int64{"began": &began, "over": &over} {
		found, err := filepath.Glob(filepath.Join(folders, name))
		if err != nil {
			return sample{}, err
		}
		for _, path := range found {
			ns, err := readNote(path)
			if err != nil {
				return sample{}, err
			}
			*list = append(*list, ns)
		}
		slices.Sort(*list)
	}
	if len(began) != packedRuns || len(over) != packedRuns {
		return sample{}, errors.New("a run noted nothing")
	}
	var waits []int64
	for i := range packedRuns - 1 {
		waits = append(waits, began[i+1]-over[i])
	}
	slices.Sort(waits)
	return sample{Wall: time.Duration(waits[len(waits)/2])}, nil
}

// readNote reads a time that a run has noted, in nanoseconds.
func readNote(path string) (int64, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return 0, err
	}
	return strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
}
