package runs

import (
	"errors"
	"io/fs"

	"github.com/llmbench/llmbench/executors/jobdir"
	"github.com/llmbench/llmbench/executors/results"
	"github.com/llmbench/llmbench/plan/trtllm"
)

// AddIterations reads the iteration log of a result, if it has one, and gives it
// to the result as a time series. It reads the whole log.
func AddIterations(r *results.Result) error {
	if r.Files.Stdout == nil {
		return nil
	}
	f, err := jobdir.Open(*r.Files.Stdout)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	s, err := trtllm.ReadSeries(f)
	if err == nil {
		r.Watch(s)
	}
	return err
}
