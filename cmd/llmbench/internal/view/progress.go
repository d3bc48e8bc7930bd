package view

import (
	"fmt"
	"io"
	"math"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

	"github.com/llmbench/llmbench/executors"
	"github.com/llmbench/llmbench/plan"
)

// Progress shows how far something that counts bytes has come: a line that is
// drawn anew on a terminal, appended lines elsewhere. Its methods may be called
// from any goroutine.
type Progress struct {
	w    io.Writer
	term bool
	wide int           // columns of the terminal
	wait time.Duration // between two showings
	now  func() time.Time

	mu     sync.Mutex
	name   string
	began  time.Time
	from   int64 // bytes that were there when it began
	shown  time.Time
	open   bool // a drawn line is not ended
	drawn  int
	latest string
	told   int64 // the bytes that were shown last
}

// NewProgress returns a Progress on the error stream.
func NewProgress(s *Streams) *Progress {
	p := &Progress{w: s.Err, term: s.terminal(), wide: s.Width, wait: 10 * time.Second, now: time.Now}
	if p.term {
		_, p.w = s.Raw()
		p.wait = 200 * time.Millisecond
	}
	return p
}

// Bytes shows that done of total bytes of a step are there. A total of 0 is not
// known. The rate counts from the first call for the step.
func (p *Progress) Bytes(step string, done, total int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.now()
	if step != p.name {
		p.end()
		p.name, p.began, p.from, p.shown, p.told = step, now, done, time.Time{}, -1
	}
	p.latest = safeString(step) + "  " + amount(done, total, done-p.from, now.Sub(p.began))
	if now.Sub(p.shown) < p.wait && (done < total || total == 0 || done == p.told) {
		return
	}
	p.shown, p.told = now, done
	p.show()
}

// Text shows a line about a step.
func (p *Progress) Text(format string, args ...any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.end()
	p.name = ""
	fmt.Fprintf(p.w, "%s  %s\n", p.now().Format("15:04:05"), safeString(fmt.Sprintf(format, args...)))
}

// Close ends a line that is drawn.
func (p *Progress) Close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.end()
}

func (p *Progress) show() {
	if !p.term {
		fmt.Fprintf(p.w, "%s  %s\n", p.now().Format("15:04:05"), p.latest)
		return
	}
	line := p.latest
	if p.wide > 1 && len(line) >= p.wide {
		line = line[len(line)-p.wide+1:] // its end tells how far
	}
	fmt.Fprintf(p.w, "\r%s%s", line, strings.Repeat(" ", max(0, p.drawn-len(line))))
	p.drawn, p.open = len(line), true
}

func (p *Progress) end() {
	if p.open {
		p.show()
		fmt.Fprintln(p.w)
	}
	p.open, p.drawn = false, 0
}

// amount says how far, how fast, and how long yet.
func amount(done, total, since int64, in time.Duration) string {
	s := Volume(done)
	if total > 0 {
		s += fmt.Sprintf(" of %s (%d %%)", Volume(total), 100*done/total)
	}
	if since <= 0 || in < time.Second {
		return s
	}
	rate := float64(since) / in.Seconds()
	s += fmt.Sprintf("  %.0f MB/s", rate/1e6)
	if left := total - done; left > 0 {
		s += fmt.Sprintf("  %s left", took(time.Duration(float64(left)/rate*float64(time.Second))))
	}
	return s
}

// Volume writes bytes with a fitting unit.
func Volume(n int64) string {
	if n < 1<<30 {
		return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20))
	}
	return fmt.Sprintf("%.1f GiB", float64(n)/(1<<30))
}

// bars are the live view of an apply: one bar for each sample that goes on, and the totals.
type bars struct {
	p     *mpb.Progress
	byID  map[string]*bar
	runs  []*plan.Run
	began time.Time

	mu      sync.Mutex // never held while p is called, which may wait for a drawing
	samples map[string]sample
}

// A bar is drawn by a goroutine of its own, so what it says is swapped as a whole.
type bar struct {
	b    *mpb.Bar
	says atomic.Pointer[func(now time.Time) string]
}

// A sample is what is known of one from its events.
type sample struct {
	run   *plan.Run
	state string // waiting, running, done or failed
	since time.Time
	share float64 // of its requests that are done
}

func newBars(w io.Writer, p *plan.Plan) *bars {
	b := &bars{p: mpb.New(mpb.WithOutput(w), mpb.WithWidth(32)), byID: map[string]*bar{}, samples: map[string]sample{}, runs: p.Runs, began: time.Now()}
	totals := b.p.New(0, mpb.NopStyle(), mpb.BarPriority(math.MaxInt), mpb.PrependDecorators(decor.Any(func(decor.Statistics) string { return b.summary(time.Now()) })))
	b.byID[""] = &bar{b: totals}
	return b
}

// event draws an event; it reports false for one that is a line of its own.
func (b *bars) event(e executors.Event) bool {
	if e.Run == nil {
		return false
	}
	id := sampleName(e)
	s := b.take(id, e)
	switch e.Type {
	case executors.RunProgress, executors.RunState, executors.RunSubmitted:
		b.at(id).draw(e, s)
		return true
	case executors.RunComplete, executors.RunErrored:
		if at := b.byID[id]; at != nil {
			at.b.Abort(true)
			delete(b.byID, id)
		}
	}
	return false
}

func (b *bars) take(id string, e executors.Event) sample {
	b.mu.Lock()
	defer b.mu.Unlock()
	s := b.samples[id]
	was := s.state
	switch {
	case e.Type == executors.RunComplete:
		s.state = "done"
	case e.Type == executors.RunErrored:
		s.state = "failed"
	case e.State.HasNodes():
		s.state = "running"
	default:
		s.state = "waiting"
	}
	if s.run = e.Run; s.state != was {
		s.since, s.share = e.Time, 0
	}
	if s.state == "running" && !e.Started.IsZero() {
		s.since = e.Started
	}
	if s.state == "running" && e.Total > 0 {
		s.share = float64(e.Done) / float64(e.Total)
	}
	b.samples[id] = s
	return s
}

// summary says how many samples are where, and for how long the others should take.
func (b *bars) summary(now time.Time) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	count, seen := map[string]int{}, map[*plan.Run]int{}
	var longest, seconds float64
	left := func(r *plan.Run, n float64, s sample) {
		job, ok := r.Estimate.JobSeconds()
		if !ok || r.Free() {
			return
		}
		one := job.Mid
		switch {
		case s.share > 0:
			one = r.Estimate.MeasureSeconds.Mid * (1 - s.share)
		case s.state == "running":
			one = max(0, one-now.Sub(s.since).Seconds())
		}
		longest, seconds = max(longest, one), seconds+n*one
	}
	for _, s := range b.samples {
		count[s.state]++
		seen[s.run]++
		if s.state == "running" || s.state == "waiting" {
			left(s.run, 1, s)
		}
	}
	total := len(b.samples)
	for _, r := range b.runs {
		if n := r.State.Missing() + len(r.State.InFlight) - seen[r]; n > 0 && (todo(r) || r.Action == plan.Wait) {
			total += n
			count["waiting"] += n
			left(r, float64(n), sample{})
		}
	}
	line := fmt.Sprintf("%d of %d done, %d failed, %d running, %d waiting; %s", count["done"], total, count["failed"], count["running"], count["waiting"], took(now.Sub(b.began)))
	if seconds > 0 {
		line += ", ~" + took(time.Duration(max(longest, seconds/float64(max(1, count["running"])))*float64(time.Second))) + " left"
	}
	return line
}

func (b *bars) at(id string) *bar {
	at := b.byID[id]
	if at == nil {
		at = &bar{}
		// Only a bar without a total can be given another one later.
		at.b = b.p.AddBar(0,
			mpb.PrependDecorators(decor.Name(safeString(id)+" ", decor.WCSyncSpaceR)),
			mpb.AppendDecorators(decor.Any(func(decor.Statistics) string {
				if says := at.says.Load(); says != nil {
					return " " + (*says)(time.Now())
				}
				return ""
			})),
		)
		b.byID[id] = at
	}
	return at
}

// draw shows how far a sample is: a running one with its phase and its time.
func (at *bar) draw(e executors.Event, s sample) {
	running := s.state == "running"
	text := safeString(strings.TrimSpace(string(e.State) + " " + e.Text))
	switch {
	case running && e.Type == executors.RunProgress && e.Text != "":
		text = safeString(e.Text)
	case !running && e.Total > 0:
		text = strings.TrimSpace(fmt.Sprintf("%d of %d  %s", e.Done, e.Total, safeString(e.Text)))
	}
	says := func(now time.Time) string {
		if running {
			return text + ", " + took(now.Sub(s.since))
		}
		return text
	}
	at.says.Store(&says)
	at.b.SetTotal(int64(e.Total), false)
	at.b.SetCurrent(int64(e.Done))
}

func (b *bars) close() {
	for _, at := range b.byID {
		at.b.Abort(false)
	}
	b.p.Wait()
}
