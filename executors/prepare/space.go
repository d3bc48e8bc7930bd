package prepare

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/llmbench/llmbench/executors"
)

// spare is what stays free on a disk that something is brought to.
const spare = 1 << 30

// checkSpace refuses what does not fit beside path; nil where it fits, or where
// the file system does not tell.
func checkSpace(name, path string, need int64) *executors.Check {
	dir := ExistingFolder(path)
	free, err := FreeBytes(dir)
	if err != nil || need <= 0 || free >= need+spare {
		return nil
	}
	return &executors.Check{
		Name: name, Result: executors.CheckFail,
		Detail: fmt.Sprintf("%s: %s are to come, and %s has %s free", path, size(need), dir, size(free)),
		Remedy: "make room, or choose another folder",
	}
}

// CheckDatasetSpace refuses data sets of so many bytes that do not fit into dir;
// nil where they fit.
func CheckDatasetSpace(dir string, bytes int64) *executors.Check {
	return checkSpace("dataset", dir, bytes)
}

// DatasetBytes is how much a data set of rows prompts of isl tokens takes at
// most: a token takes seven bytes.
func DatasetBytes(rows, isl int) int64 {
	const token, row = 7, 64
	return int64(rows) * (int64(isl)*token + row)
}

// FreeBytes is how much this user may still write to the file system of a folder.
// The error is the file system's.
func FreeBytes(dir string) (int64, error) {
	var st syscall.Statfs_t
	if err := syscall.Statfs(dir, &st); err != nil {
		return 0, err
	}
	return int64(st.Bavail) * st.Bsize, nil
}

// ExistingFolder is the nearest folder at or above path that exists.
func ExistingFolder(path string) string {
	for {
		if info, err := os.Stat(path); err == nil && info.IsDir() {
			return path
		}
		up := filepath.Dir(path)
		if up == path {
			return path
		}
		path = up
	}
}

// grown is how many bytes lie below dir, what hf has not finished included.
func grown(dir string) int64 {
	var sum int64
	_ = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil {
			return nil // it was renamed meanwhile
		}
		if info, err := d.Info(); err == nil && info.Mode().IsRegular() {
			sum += info.Size()
		}
		return nil
	})
	return sum
}
