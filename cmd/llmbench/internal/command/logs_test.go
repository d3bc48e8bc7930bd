package command

import (
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/llmbench/llmbench/executors/store"
)

func TestRedactorHidesSecretsThatArriveInPieces(t *testing.T) {
	var out strings.Builder
	r := &redactor{w: &out, hide: store.NewRedactor("hunter2")}
	in := "key hunter2 and hf_abcdefghijklmnopqrst\nlast hunter2"
	if _, err := io.Copy(r, iotest.OneByteReader(strings.NewReader(in))); err != nil {
		t.Fatal(err)
	}
	if err := r.flush(); err != nil {
		t.Fatal(err)
	}
	if want := "key (secret) and (secret)\nlast (secret)"; out.String() != want {
		t.Errorf("%q, want %q", out.String(), want)
	}
}
