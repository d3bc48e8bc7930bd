package slurm

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/llmbench/llmbench/executors"
)

// What sbatch prints where a limit is met: the reason of src/common/job_state_reason.c
// as slurmctld passes it on, and the words of ESLURM_ACCOUNTING_POLICY in
// src/common/slurm_errno.c, the same from 22.05 to 25.11.
const (
	policy     = "sbatch: error: Batch job submission failed: Job violates accounting/QOS policy (job submit limit, user's size and/or time limits)"
	perUser    = "sbatch: error: QOSMaxSubmitJobPerUserLimit\n" + policy
	perGroup   = "sbatch: error: QOSGrpSubmitJobsLimit\n" + policy
	perAccount = "sbatch: error: MaxSubmitJobsPerAccount\n" + policy
)

// A limit that is met with none of the user's jobs in the queue is a refusal, with
// sbatch's own lines first; else a job waits, and is submitted as soon as there is
// room: after a clear answer nothing is looked for.
func TestLimits(t *testing.T) {
	const mine, ended = "7|other|RUNNING|0|N/A|N/A|gb01|None|\n", "7|other|COMPLETED|0|N/A|N/A|gb01|None|\n"
	for _, c := range []struct {
		name, words, queue string
		refused            [3]bool
	}{
		{"policy, alone", policy, "", [3]bool{true}},
		{"user's limit, alone", perUser, "", [3]bool{true}},
		{"policy, with jobs", policy, mine, [3]bool{}},
		{"user's limit, with jobs", perUser, mine, [3]bool{}},
		{"user's limit, a job ended", perUser, ended, [3]bool{false, true}},
		{"group's limit, alone", perGroup, "", [3]bool{}},
		{"account's limit, alone", perAccount, "", [3]bool{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &limited{words: c.words, queue: c.queue}
				e := newExecutor(&Config{PollInterval: time.Minute, CommandsPerMinute: 600}, hclog.NewNullLogger())
				e.through(s.Run)
				job := &executors.Job{Name: "llmb-x-s1-a1", Dir: t.TempDir(), Argv: []string{"sbatch", "script.sh"}, NotBefore: time.Now()}
				for i, refused := range c.refused {
					_, err := e.Submit(t.Context(), job)
					if errors.Is(err, executors.ErrRejected) != refused || errors.Is(err, executors.ErrLimit) == refused {
						t.Fatalf("try %d: %v", i+1, err)
					}
					if refused {
						if first, _, _ := strings.Cut(c.words, "\n"); !strings.HasPrefix(err.Error(), "sbatch: "+strings.TrimPrefix(first, "sbatch: ")) || !strings.Contains(err.Error(), "none of your jobs is in the queue") {
							t.Errorf("the refusal reads %q", err)
						}
						return
					}
					job.Resumed = true
				}
				began := time.Now()
				s.words = ""
				if h, err := e.Submit(t.Context(), job); err != nil || executors.JobID(h) != "9" || time.Since(began) > 0 {
					t.Errorf("after the limit: %s, %v, %s later", h, err, time.Since(began))
				}
			})
		})
	}
}

// limited answers sbatch with words, or with a job where there are none.
type limited struct{ words, queue string }

func (l *limited) Run(_ context.Context, _ time.Duration, _ string, argv ...string) (string, error) {
	switch {
	case argv[0] == "squeue":
		return l.queue, nil
	case argv[0] == "sbatch" && l.words == "":
		return "9\n", nil
	}
	return "", failedCommand(argv[0], l.words, true)
}
