package executors

import (
	"cmp"
	"fmt"
	"time"

	"github.com/llmbench/llmbench/plan/failure"
)

// A submission is a job on its way through a backend: a task's own, or that of a
// pack.
type submission struct {
	backend   *Backend
	handle    Handle // "" until the submission is confirmed
	status    Status
	notBefore time.Time // of the next try to submit
	backoff   time.Duration
	since     time.Time // of the present state
	heldPolls int
	limited   bool // the queue was full at the last try
	// unrecorded is since when the store refuses to take down what became of it.
	unrecorded time.Time
}

func (s *submission) enter(status Status, now time.Time) (changed bool) {
	changed = status.State != s.status.State || status.Reason != s.status.Reason
	if status.State != s.status.State {
		s.since = now
		s.heldPolls = 0
	}
	s.status = status
	return changed
}

// roomMayBe has a submission tried at once for which the queue was full.
func (s *submission) roomMayBe() {
	if s.limited {
		s.limited, s.backoff, s.notBefore = false, 0, time.Time{}
	}
}

func (s *submission) retryLater() {
	s.backoff = min(max(2*s.backoff, time.Second), time.Minute)
	s.notBefore = time.Now().Add(s.backoff)
}

// hear takes in what the backend says of the job.
func (s *submission) hear(status Status) (changed bool) {
	changed = s.enter(status, time.Now())
	if status.State == Held {
		s.heldPolls++
	}
	return changed
}

// speechless reports whether the job has ended and its grace to leave its own
// word is over.
func (s *submission) speechless() bool {
	return s.status.State == Ended && time.Since(s.since) >= s.backend.grace(s.status.End)
}

// stuckCode is how a job ends that is given up.
func (s *submission) stuckCode() failure.Code {
	return cmp.Or(endCode(s.status.End), failure.Blocked)
}

// stuck says why a job is given up, "" while it is not.
func (s *submission) stuck(now time.Time) string {
	p, in := s.backend.Pace, now.Sub(s.since)
	switch {
	case s.status.State == Held && s.heldPolls >= 2 && in >= max(s.status.Hope, min(time.Minute, 4*p.Poll)):
		return fmt.Sprintf("the job will not start: %s. %s", s.status.Reason, s.status.Remedy)
	case s.status.State == Queued && p.MaxPending > 0 && in > p.MaxPending:
		return fmt.Sprintf("the job waited longer than max_pending = %s: %s", p.MaxPending, s.status.Reason)
	case s.status.State == Starting && p.MaxStarting > 0 && in > p.MaxStarting:
		return fmt.Sprintf("the job was starting for longer than max_starting = %s", p.MaxStarting)
	}
	return ""
}
