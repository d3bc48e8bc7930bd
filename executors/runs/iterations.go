package runs

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"path/filepath"

	"github.com/llmbench/llmbench/executors/jobdir"
	"github.com/llmbench/llmbench/executors/results"
	"github.com/llmbench/llmbench/plan/failure"
	"github.com/llmbench/llmbench/plan/trtllm"
)

// AddIterations reads the iteration log of a result, if it has one, and gives it
// to the result as a time series. It reads the whole log: one that is not what the
// job left gives a note instead.
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
	sum := sha256.New()
	in := io.TeeReader(f, sum)
	s, err := trtllm.ReadSeries(in)
	if err != nil {
		return err
	}
	if _, err := io.Copy(io.Discard, in); err != nil {
		return err
	}
	exit, err := jobdir.Folder{Dir: filepath.Dir(*r.Files.Stdout)}.Exit()
	if err == nil && exit != nil && exit.Stdout != nil && exit.Stdout.SHA256 != hex.EncodeToString(sum.Sum(nil)) {
		r.Reasons = append(r.Reasons, results.Reason{
			Code: failure.ReportDamaged, Level: failure.Note, Remedy: failure.ReportDamaged.Entry().Remedy,
			Detail: "stdout is not what the job wrote; the number is that of report.json, and nothing else is taken from stdout",
		})
		return nil
	}
	r.Watch(s)
	return nil
}
