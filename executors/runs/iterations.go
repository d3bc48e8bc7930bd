package runs

import (
	"errors"
	"io/fs"
	"os"

	"github.com/llmbench/llmbench/executors/results"
	"github.com/llmbench/llmbench/plan/trtllm"
)

// ReadIterations reads the iteration log of a result as a time series; nil where
// the result has no log, or the log no iterations. It reads the whole log.
func ReadIterations(r *results.Result) (*trtllm.Series, error) {
	if r.Files.Stdout == nil {
		return nil, nil
	}
	f, err := os.Open(*r.Files.Stdout)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return trtllm.ReadSeries(f)
}
