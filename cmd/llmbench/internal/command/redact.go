package command

import (
	"bytes"
	"io"
	"slices"

	"github.com/zclconf/go-cty/cty"

	"github.com/llmbench/llmbench/plan/trtllm"
)

// A redactor passes whole lines on without the secrets that they hold.
type redactor struct {
	w     io.Writer
	known [][]byte
	rest  []byte // a line that has not ended
}

// Write implements io.Writer.
func (r *redactor) Write(b []byte) (int, error) {
	r.rest = append(r.rest, b...)
	end := bytes.LastIndexByte(r.rest, '\n') + 1
	if end == 0 {
		return len(b), nil
	}
	_, err := r.w.Write(r.clean(r.rest[:end]))
	r.rest = slices.Clone(r.rest[end:])
	return len(b), err
}

// flush writes what stands after the last line's end.
func (r *redactor) flush() error {
	_, err := r.w.Write(r.clean(r.rest))
	r.rest = nil
	return err
}

func (r *redactor) clean(b []byte) []byte {
	for _, secret := range r.known {
		b = bytes.ReplaceAll(b, secret, []byte("(secret)"))
	}
	return trtllm.Redact(b)
}

// secretValues are the values of sensitive variables; short ones would blot out
// words that are none.
func (s *session) secretValues() [][]byte {
	var out [][]byte
	for _, v := range s.defs.Variables {
		if v.Sensitive && v.Set && !v.Value.IsNull() && v.Value.Type() == cty.String && len(v.Value.AsString()) >= 6 {
			out = append(out, []byte(v.Value.AsString()))
		}
	}
	return out
}
