package view

import (
	"io"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

	"github.com/llmbench/llmbench/executors"
)

// bars are the progress bars of an apply on a terminal: one for each run, data
// set or wait.
type bars struct {
	p    *mpb.Progress
	byID map[string]*bar
}

type bar struct {
	b    *mpb.Bar
	text string
}

func newBars(w io.Writer) *bars {
	return &bars{p: mpb.New(mpb.WithOutput(w), mpb.WithWidth(32)), byID: map[string]*bar{}}
}

// event draws an event; it reports false for one that is a line of its own.
func (b *bars) event(e executors.Event) bool {
	if e.Run == nil {
		return false
	}
	id := short(e.Run.Address)
	at := b.byID[id]
	switch e.Type {
	case executors.RunProgress:
		if at == nil {
			at = b.add(id, int64(e.Total))
		}
		at.text = e.Text
		at.b.SetTotal(int64(e.Total), false)
		at.b.SetCurrent(int64(e.Done))
		if e.Done >= e.Total {
			delete(b.byID, id) // the bar is full and goes
		}
		return true
	case executors.RunState, executors.RunSubmitted:
		if at == nil {
			at = b.add(id, 1)
		}
		at.text = string(e.State) + " " + e.Text
		return true
	case executors.RunComplete, executors.RunErrored:
		if at != nil {
			at.b.Abort(true)
			delete(b.byID, id)
		}
	}
	return false
}

func (b *bars) add(id string, total int64) *bar {
	at := &bar{}
	at.b = b.p.AddBar(total, mpb.BarRemoveOnComplete(),
		mpb.PrependDecorators(decor.Name(id+" ", decor.WCSyncSpaceR)),
		mpb.AppendDecorators(decor.CountersNoUnit("%d/%d "), decor.Any(func(decor.Statistics) string { return at.text })),
	)
	b.byID[id] = at
	return at
}

// close ends all bars, so that lines can follow.
func (b *bars) close() {
	for _, at := range b.byID {
		at.b.Abort(false)
	}
	b.p.Wait()
}
