// Package regular reads files that users or jobs left, whatever they are: nothing is
// waited for, and no more is read than was meant to be.
package regular

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"
)

// What is read whole is at most this long, in bytes.
const (
	// MaxText is the limit of what people write: definitions, values of variables,
	// tables, tokens, configuration files.
	MaxText = 4 << 20
	// MaxDocument is the limit of what programs write: plans, results, logs to import.
	MaxDocument = 1 << 30
)

// Open opens a regular file. Anything else is an error: a FIFO would be waited for,
// and a device never ends. Errors are *fs.PathError.
func Open(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = &fs.PathError{Op: "open", Path: path, Err: errors.New("not a regular file")}
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// Read reads a regular file whole and refuses one of more than limit bytes.
func Read(path string, limit int64) ([]byte, error) {
	f, err := Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	data := make([]byte, min(info.Size(), limit)+1) // one more than is meant to be there
	n, err := io.ReadFull(f, data)
	switch {
	case int64(n) > limit:
		return nil, &fs.PathError{Op: "read", Path: path, Err: fmt.Errorf("it has %d bytes, and at most %d are read", max(info.Size(), int64(n)), limit)}
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		err = nil
	}
	return data[:n], err
}
