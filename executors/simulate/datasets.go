package simulate

import (
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/llmbench/llmbench/plan/trtllm"
)

// datasets reads each data set once for all jobs that are given it.
type datasets struct {
	mu   sync.Mutex
	read map[datasetKey]func() (trtllm.Dataset, error)
}

// A datasetKey is a file as it was found, and how many of its rows are read.
type datasetKey struct {
	path     string
	size     int64
	modified time.Time
	rows     int
}

// get is trtllm.ReadDatasetFile; the lengths are shared and must not be changed.
func (d *datasets) get(path string, rows int) (trtllm.Dataset, error) {
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		return trtllm.Dataset{}, err
	}
	info, err := os.Stat(real)
	if err != nil {
		return trtllm.Dataset{}, err
	}
	key := datasetKey{real, info.Size(), info.ModTime(), rows}
	d.mu.Lock()
	once := d.read[key]
	if once == nil {
		once = sync.OnceValues(func() (trtllm.Dataset, error) { return trtllm.ReadDatasetFile(real, rows) })
		d.read[key] = once
	}
	d.mu.Unlock()
	return once()
}
