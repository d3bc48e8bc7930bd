package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/llmbench/llmbench/executors/slurm/slurmtest"
)

// applyRow submits runs to a throwaway Slurm whose partition starts nothing, so
// that submission alone is measured, beside a loop of sbatch over one of the same
// scripts.
func applyRow() *row {
	return &row{
		name: "Submit", work: "apply of 500 runs on the throwaway Slurm, submission", unit: "runs",
		sizes: []int{125, 250, 500}, counts: 500, growing: true,
		available: func(*lab) error { return slurmtest.Available(slurmtest.Options{}) },
		prepare:   prepareApply,
		do:        submit,
		floorName: "a loop of sbatch",
		floor:     sbatchLoop,
		targets: []target{
			within(2), extra("slurm-calls/run", "2 Slurm calls a run or fewer", 2),
			extra("tool-cpu-ms/run", "less than 2 ms of the tool's CPU a run", 2), memory(64),
		},
	}
}

// slurmCommands are counted: what stands in their place on PATH notes each call
// from outside jobs.
var slurmCommands = []string{"sbatch", "squeue", "scontrol", "sacct", "scancel", "sinfo", "srun", "sacctmgr"}

// prepareApply makes a partition that starts nothing and writes the definitions.
func prepareApply(l *lab, size int) error {
	if err := l.countCalls(); err != nil {
		return err
	}
	return writeSlurmMatrix(l, applyDir(l, size), size, "down")
}

func applyDir(l *lab, size int) string { return l.path(fmt.Sprint("apply-", size)) }

func (l *lab) countCalls() error {
	if err := l.slurm(); err != nil || l.kept["counted"] != nil {
		return err
	}
	bin := l.path("bin")
	if err := os.MkdirAll(bin, 0o777); err != nil {
		return err
	}
	for _, name := range slurmCommands {
		text := fmt.Sprintf("#!/bin/sh\n[ -n \"$SLURM_JOB_ID\" ] || echo %s >>%s\nexec /usr/bin/%[1]s \"$@\"\n", name, l.path("calls"))
		if err := os.WriteFile(filepath.Join(bin, name), []byte(text), 0o777); err != nil {
			return err
		}
	}
	l.kept["counted"] = append(slices.Clone(l.env), "PATH="+bin+":"+filepath.Dir(l.tool)+":"+os.Getenv("PATH"))
	_, err := l.process(nil, "/usr/bin/scontrol", "create", "partitionname=down", "nodes=ALL", "state=down")
	return err
}

// counting runs a command whose calls to Slurm are counted.
func (l *lab) counting(name string, args ...string) (sample, error) {
	env := l.env
	defer func() { l.env = env }()
	l.env = l.kept["counted"].([]string)
	return l.process(nil, name, args...)
}

// writeSlurmMatrix declares runs of the stand-in, one data set for all.
func writeSlurmMatrix(l *lab, dir string, runs int, partition string) error {
	example, err := os.ReadFile("examples/sweep/main.hcl")
	if err != nil {
		return err
	}
	_, rest, _ := strings.Cut(string(example), "\nmodel ")
	blocks, _, _ := strings.Cut(rest, "\nbenchmark ")
	text := fmt.Sprintf(`
executor "slurm" "throwaway" {
  partition     = %q
  poll_interval = "1s"
  max_in_queue  = 500
  canary        = false
  exclusive     = false
  launcher      = ["llmbench", "trtllm-bench"]

  # Nothing is held back: submission itself is measured.
  commands_per_minute = 60000
}

variable "install_dir" {
  default = %q
}

model %s

benchmark "load" {
  model          = model.llama4_maverick
  hardware       = hardware.gb200x8
  image          = image.rc4
  time_limit     = "30m"
  tp             = 8
  ep             = 8
  max_batch_size = 896
  max_num_tokens = 8192
  num_requests   = 64
  concurrency    = 64
  llm_api_options = { stream_interval = each.interval }
  use_case "chat" {}
  matrix {
    axis "interval" {
      values = range(1, %d)
    }
  }
}
`, partition, l.dir, blocks, runs+1)
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "main.hcl"), []byte(text), 0o666)
}

// submit applies and leaves; the jobs are cancelled afterwards.
func submit(l *lab, size int) (sample, error) {
	store := l.newStore()
	os.Remove(l.path("calls"))
	s, err := l.counting(l.tool, "apply", "-auto-approve", "-detach", "-skip-checks", "-store="+store, applyDir(l, size))
	if err != nil {
		return s, err
	}
	calls, err := os.ReadFile(l.path("calls"))
	if err != nil {
		return s, err
	}
	n := float64(size)
	s.Extra = map[string]float64{"slurm-calls/run": float64(bytes.Count(calls, []byte{'\n'})) / n}
	if floor, ok := l.kept["sbatch CPU"].(time.Duration); ok && size == 500 {
		s.Extra["tool-cpu-ms/run"] = max(0, (s.CPU-floor).Seconds()*1e3/n)
	}
	return s, l.emptyQueue()
}

// sbatchLoop submits one of the scripts as often as there are runs.
func sbatchLoop(l *lab, size int) (sample, error) {
	if l.kept["script"] == nil {
		if _, err := submit(l, 125); err != nil {
			return sample{}, err
		}
		found, err := filepath.Glob(l.path("apply-store-*", "simulated", "runs", "*", "*", "sample-1", "attempt-1"))
		if err != nil || len(found) == 0 {
			return sample{}, fmt.Errorf("no attempt was prepared: %v", err)
		}
		l.kept["script"] = found[0]
		if err := os.CopyFS(l.path("script"), os.DirFS(found[0])); err != nil {
			return sample{}, err
		}
	}
	loop := fmt.Sprintf(`cd %s && for i in $(seq %d); do sbatch --parsable --no-requeue --job-name=floor-$i --nodes=2 --ntasks=8 --ntasks-per-node=4 --gpus-per-node=4 --time=30 --partition=down --output=job.out --error=job.out script.sh >/dev/null || exit 1; done`, l.path("script"), size)
	s, err := l.counting("/bin/bash", "-c", loop)
	if err != nil {
		return s, err
	}
	l.kept["sbatch CPU"] = s.CPU
	return s, l.emptyQueue()
}

// newStore is the folder of a store that does not exist. None is removed before the
// end: file systems have work with what was removed just now, which is not apply's.
func (l *lab) newStore() string {
	n, _ := l.kept["stores"].(int)
	l.kept["stores"] = n + 1
	return l.path(fmt.Sprint("apply-store-", n))
}

// emptyQueue cancels all jobs and waits until they are gone.
func (l *lab) emptyQueue() error {
	for {
		if _, err := l.process(nil, "/usr/bin/scancel", "--partition=down"); err != nil {
			return err
		}
		var out bytes.Buffer
		if _, err := l.process(&out, "/usr/bin/squeue", "--noheader"); err != nil {
			return err
		}
		if out.Len() == 0 {
			return nil
		}
		select {
		case <-l.ctx.Done():
			return l.ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
	}
}
