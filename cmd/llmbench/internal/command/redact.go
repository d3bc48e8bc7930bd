package command

import (
	"bytes"
	"io"
	"slices"

	"github.com/llmbench/llmbench/executors/store"
)

// A redactor passes whole lines on without the secrets that they hold.
type redactor struct {
	w    io.Writer
	hide store.Redactor
	rest []byte // a line that has not ended
}

// Write implements io.Writer.
func (r *redactor) Write(b []byte) (int, error) {
	r.rest = append(r.rest, b...)
	end := bytes.LastIndexByte(r.rest, '\n') + 1
	if end == 0 {
		return len(b), nil
	}
	_, err := r.w.Write(r.hide.CleanBytes(r.rest[:end]))
	r.rest = slices.Clone(r.rest[end:])
	return len(b), err
}

// flush writes what stands after the last line's end.
func (r *redactor) flush() error {
	_, err := r.w.Write(r.hide.CleanBytes(r.rest))
	r.rest = nil
	return err
}
