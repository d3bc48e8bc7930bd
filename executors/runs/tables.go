package runs

import (
	"fmt"
	"io"
	"path/filepath"

	"github.com/llmbench/llmbench/executors/jobdir"
)

// WriteTables writes files to the store's results folder, that of the simulated
// half for simulated results, and returns the folder. Each file is replaced
// whole.
func (s *Store) WriteTables(simulated bool, files map[string]func(io.Writer) error) (string, error) {
	dir := filepath.Join(s.half(simulated), "results")
	if err := s.mkdirAll(dir); err != nil {
		return "", err
	}
	for name, write := range files {
		if !nameOK(name) {
			return "", fmt.Errorf("%q cannot name a file of results", name)
		}
		if err := jobdir.WriteTo(dir, name, write, 0o644); err != nil {
			return "", err
		}
	}
	return dir, jobdir.SyncDir(dir)
}
