package view

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"
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
