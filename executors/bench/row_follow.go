package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/llmbench/llmbench/executors/slurm/slurmtest"
)

// followRow applies runs of the stand-in and follows them to their ends.
func followRow() *row {
	return &row{
		name: "Follow", work: "apply of 16 runs on the throwaway Slurm, to their ends", unit: "runs",
		sizes: []int{4, 8, 16}, counts: 16, growing: true, rounds: 3,
		available: func(*lab) error { return slurmtest.Available(slurmtest.Options{}) },
		prepare: func(l *lab, size int) error {
			if err := l.countCalls(); err != nil {
				return err
			}
			return writeSlurmMatrix(l, l.path(fmt.Sprint("follow-", size)), size, "batch")
		},
		do: follow,
		targets: []target{
			extra("slurm-calls/run", "2 Slurm calls a run or fewer", 2), extra("squeue/tick", "one squeue a tick or fewer", 1), memory(64),
		},
	}
}

// follow counts a tick a second, as poll_interval says.
func follow(l *lab, size int) (sample, error) {
	store := l.newStore()
	os.Remove(l.path("calls"))
	s, err := l.counting(l.tool, "apply", "-auto-approve", "-skip-checks", "-store="+store, l.path(fmt.Sprint("follow-", size)))
	if err != nil {
		return s, err
	}
	calls, err := os.ReadFile(l.path("calls"))
	s.Extra = map[string]float64{
		"slurm-calls/run": float64(bytes.Count(calls, []byte{'\n'})) / float64(size),
		"squeue/tick":     float64(bytes.Count(calls, []byte("squeue\n"))) / s.Wall.Seconds(),
	}
	return s, err
}

// endRow measures from the end of a run to word of it. The cluster is polled once
// a minute only.
func endRow() *row {
	return &row{
		name: "EndSeen", work: "from the end of a run to word of it", unit: "runs",
		sizes: []int{1}, counts: 1, fixed: true,
		available: func(*lab) error { return slurmtest.Available(slurmtest.Options{}) },
		prepare:   func(l *lab, _ int) error { return l.slurm() },
		do:        endSeen,
		floorName: "sbatch --wait",
		floor:     waitSeen,
		targets:   []target{{says: "sooner than sbatch --wait", of: (*figures).ratio, most: 1, unit: "x"}},
	}
}

func endSeen(l *lab, _ int) (sample, error) {
	dir, err := l.noted(1, "60s")
	if err != nil {
		return sample{}, err
	}
	var out bytes.Buffer
	if _, err := l.process(&out, l.tool, "apply", "-auto-approve", "-skip-checks", "-json", dir); err != nil && out.Len() == 0 {
		return sample{}, err
	}
	for lines := bufio.NewScanner(&out); lines.Scan(); {
		var event struct {
			Type string    `json:"type"`
			Time time.Time `json:"@timestamp"`
		}
		if json.Unmarshal(lines.Bytes(), &event) == nil && (event.Type == "run_complete" || event.Type == "run_errored") {
			return since(event.Time, filepath.Join(dir, ".llmbench", "runs", "*", "*", "sample-1", "attempt-1"))
		}
	}
	return sample{}, fmt.Errorf("apply told of no end:\n%s", out.String())
}

// waitSeen is the same for a job of a bare step.
func waitSeen(l *lab, _ int) (sample, error) {
	dir, err := l.bareSteps(fmt.Sprintf(bareStep, "step.sh"))
	if err != nil {
		return sample{}, err
	}
	return since(time.Now(), dir)
}

// since is the time from the end that a run has noted in a folder.
func since(now time.Time, folder string) (sample, error) {
	found, err := filepath.Glob(filepath.Join(folder, "over"))
	if err != nil || len(found) != 1 {
		return sample{}, fmt.Errorf("the run noted no end: %v", err)
	}
	ns, err := readNote(found[0])
	return sample{Wall: now.Sub(time.Unix(0, ns))}, err
}
