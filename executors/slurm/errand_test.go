package slurm

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// A queueAnswers runner gives the answers of a queue one after another, the last for
// ever.
type queueAnswers struct {
	queue []string
	asked []string
}

func (a *queueAnswers) Run(_ context.Context, _ time.Duration, _ string, argv ...string) (string, error) {
	a.asked = append(a.asked, strings.Join(argv, " "))
	switch argv[0] {
	case "sbatch":
		return "17;gb\n", nil
	case "squeue":
		now := a.queue[0]
		if len(a.queue) > 1 {
			a.queue = a.queue[1:]
		}
		switch now {
		case "gone":
			return "", CommandError("squeue", "slurm_load_jobs error: Invalid job id specified", true)
		case "silence":
			return "", CommandError("squeue", "Unable to contact slurm controller", false)
		}
		return now + "\n", nil
	}
	return "", nil
}

func testErrand(t *testing.T, queue ...string) (*errand, *queueAnswers, *[]string) {
	a := &queueAnswers{queue: queue}
	e := testConfig().newErrand("llmb-doctor-1", t.TempDir(), []string{"--nodes=1"})
	var said []string
	e.runner, e.pause, e.grace = a, time.Millisecond, 5*time.Millisecond
	e.say = func(format string, args ...any) { said = append(said, fmt.Sprintf(format, args...)) }
	return e, a, &said
}

// A job is followed until it has left its last word, through what keeps it
// waiting and through a controller that does not answer.
func TestErrandEnds(t *testing.T) {
	e, a, said := testErrand(t, "PENDING|Resources", "PENDING|Resources", "silence", "RUNNING|None", "silence", "RUNNING|None", "gone")
	id, err := e.submit(t.Context())
	if id != "17" || err != nil {
		t.Fatal(id, err)
	}
	looked := 0
	err = e.follow(t.Context(), id, func() {
		if looked++; looked == 9 {
			if err := os.WriteFile(filepath.Join(e.dir, "done"), nil, 0o644); err != nil {
				t.Error(err)
			}
		}
	})
	if err != nil {
		t.Error(err)
	}
	if got := strings.Join(*said, "\n"); got != "job 17: PENDING (Resources)\njob 17: RUNNING" {
		t.Errorf("said %q", got)
	}
	if want := "sbatch --parsable --no-requeue --job-name=llmb-doctor-1 --output=" + e.dir + "/job.out --open-mode=append --nodes=1 " + e.dir + "/script.sh"; a.asked[0] != want {
		t.Errorf("submitted %s, want %s", a.asked[0], want)
	}
}

// A job that ends without its last word is told, with what it printed.
func TestErrandEndsSilently(t *testing.T) {
	e, _, _ := testErrand(t, "RUNNING|None", "gone")
	if err := e.follow(t.Context(), "17", func() {}); err == nil || !strings.Contains(err.Error(), "does not share this folder") {
		t.Error(err)
	}
	if err := os.WriteFile(filepath.Join(e.dir, "job.out"), []byte("slurmstepd: error: execve(): bash: No such file\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := e.follow(t.Context(), "17", func() {}); err == nil || err.Error() != "job 17 ended before it was done: slurmstepd: error: execve(): bash: No such file" {
		t.Error(err)
	}
}

// Who is interrupted says so at once.
func TestErrandInterrupted(t *testing.T) {
	e, _, _ := testErrand(t, "RUNNING|None")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := e.follow(ctx, "17", func() {}); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}
