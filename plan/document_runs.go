package plan

import (
	"bytes"
	"encoding/json"
	"io"
	"runtime"
	"slices"

	"golang.org/x/sync/errgroup"
)

// writeRuns writes the elements of the document's list of runs: a stretch of runs
// on each processor, one after another.
func writeRuns(w io.Writer, runs []*Run) error {
	const stretch = 32
	texts := make([]runsText, runtime.GOMAXPROCS(0))
	for batch := range slices.Chunk(runs, stretch*len(texts)) {
		var g errgroup.Group
		for i := range texts {
			texts[i].Reset()
		}
		i := 0
		for part := range slices.Chunk(batch, stretch) {
			t := &texts[i]
			g.Go(func() error { return t.add(part, part[0] == runs[0]) })
			i++
		}
		if err := g.Wait(); err != nil {
			return err
		}
		for i := range texts {
			if _, err := texts[i].WriteTo(w); err != nil {
				return err
			}
		}
	}
	return nil
}

// runsText is some runs as they stand in the document.
type runsText struct {
	bytes.Buffer
	enc *json.Encoder
}

// add adds runs with their commands and jobs. first says that none stands
// before them.
func (t *runsText) add(runs []*Run, first bool) error {
	if t.enc == nil {
		t.enc = indenting(&t.Buffer, "    ")
	}
	for _, r := range runs {
		if !first {
			t.WriteByte(',')
		}
		first = false
		t.WriteString("\n    ")
		if err := t.enc.Encode(r.Whole()); err != nil {
			return err
		}
		t.Truncate(t.Len() - 1) // the line end behind a value
	}
	return nil
}
