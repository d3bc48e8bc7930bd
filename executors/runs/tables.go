package runs

import (
	"fmt"
	"path/filepath"
)

// WriteTables writes files to the store's results folder, that of the simulated
// half for simulated results, and returns the folder. Each file is replaced
// whole.
func (s *Store) WriteTables(simulated bool, files map[string][]byte) (string, error) {
	dir := filepath.Join(s.half(simulated), "results")
	if err := s.mkdirAll(dir); err != nil {
		return "", err
	}
	for name, data := range files {
		if !nameOK(name) {
			return "", fmt.Errorf("%q cannot name a file of results", name)
		}
		if err := writeFile(dir, name, data, 0o644); err != nil {
			return "", err
		}
	}
	return dir, syncDir(dir)
}
