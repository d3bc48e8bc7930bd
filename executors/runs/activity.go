package runs

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/llmbench/llmbench/executors/jobdir"
)

// diagnosisFile is what was found out about a job that made no progress.
const diagnosisFile = "diagnosis.txt"

// LogBytes is the size of the attempt's logs together.
func (a *Attempt) LogBytes() (int64, error) {
	sum := int64(0)
	for _, name := range []string{jobdir.StdoutFile, jobdir.StderrFile, jobdir.JobOutFile} {
		info, err := os.Stat(filepath.Join(a.Dir, name))
		switch {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil:
			return 0, err
		default:
			sum += info.Size()
		}
	}
	return sum, nil
}

// FailureSeen is the line in the ends of the logs that shows a failure that ends
// a run, "" for none.
func (a *Attempt) FailureSeen() (string, error) {
	for _, name := range []string{jobdir.StdoutFile, jobdir.StderrFile, jobdir.JobOutFile} {
		end, err := tail(filepath.Join(a.Dir, name), tailBytes)
		if err != nil {
			return "", err
		}
		if f, ok := a.store.causes.Classify(strings.NewReader(end)); ok && f.Ends {
			return a.Redactor().Clean(f.Line), nil
		}
	}
	return "", nil
}

// RecordDiagnosis keeps what was found out about a job that made no progress,
// beside its logs.
func (a *Attempt) RecordDiagnosis(text string) error {
	return jobdir.ReplaceFile(a.Dir, diagnosisFile, []byte(a.Redactor().Clean(text)), 0o644)
}
