package view

import (
	"fmt"
	"io"
	"strings"
	"sync/atomic"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

	"github.com/llmbench/llmbench/executors"
)

// bars are the progress bars of an apply on a terminal: one for each sample that
// has its data set written, waits or runs.
type bars struct {
	p    *mpb.Progress
	byID map[string]*bar
}

// A bar is drawn by a goroutine of its own, so what it says is swapped as a whole.
type bar struct {
	b    *mpb.Bar
	text atomic.Pointer[string]
}

func newBars(w io.Writer) *bars {
	return &bars{p: mpb.New(mpb.WithOutput(w), mpb.WithWidth(32)), byID: map[string]*bar{}}
}

// event draws an event; it reports false for one that is a line of its own.
func (b *bars) event(e executors.Event) bool {
	if e.Run == nil {
		return false
	}
	id := sampleName(e)
	switch e.Type {
	case executors.RunProgress:
		b.at(id).draw(e.Done, e.Total, e.Text)
	case executors.RunState, executors.RunSubmitted:
		b.at(id).draw(0, 0, strings.TrimSpace(string(e.State)+" "+e.Text))
	case executors.RunComplete, executors.RunErrored:
		if at := b.byID[id]; at != nil {
			at.b.Abort(true)
			delete(b.byID, id)
		}
		return false
	default:
		return false
	}
	return true
}

// at is the bar of a sample.
func (b *bars) at(id string) *bar {
	at := b.byID[id]
	if at == nil {
		at = &bar{}
		at.text.Store(new(string))
		// Only a bar without a total can be given another one later.
		at.b = b.p.AddBar(0,
			mpb.PrependDecorators(decor.Name(safeString(id)+" ", decor.WCSyncSpaceR)),
			mpb.AppendDecorators(decor.Any(func(decor.Statistics) string { return *at.text.Load() })),
		)
		b.byID[id] = at
	}
	return at
}

// draw shows done of total, or where there is no total the text alone.
func (at *bar) draw(done, total int, text string) {
	if total > 0 {
		text = strings.TrimSpace(fmt.Sprintf("%d of %d  %s", done, total, text))
	}
	text = " " + safeString(text)
	at.text.Store(&text)
	at.b.SetTotal(int64(total), false)
	at.b.SetCurrent(int64(done))
}

// close ends all bars, so that lines can follow.
func (b *bars) close() {
	for _, at := range b.byID {
		at.b.Abort(false)
	}
	b.p.Wait()
}
