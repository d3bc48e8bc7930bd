package view

import (
	"io"

	"github.com/rogpeppe/go-internal/diff"
)

// Diff prints a unified diff between two versions of a file.
func Diff(w io.Writer, name string, before, after []byte) error {
	_, err := w.Write(diff.Diff(name, before, name+" (canonical)", after))
	return err
}
