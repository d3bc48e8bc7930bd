package prepare

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"github.com/llmbench/llmbench/executors"
)

// spare is what stays free on a disk that something is fetched to.
const spare = 1 << 30

// CheckSpace refuses need bytes that do not fit beside path, in a check of that name; nil
// where they fit, or where the file system does not tell.
func CheckSpace(name, path string, need int64) *executors.Check {
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

// DatasetBytes is how much a data set of rows prompts of isl tokens takes at
// most: a token takes seven bytes.
func DatasetBytes(lines, isl int) int64 {
	const token, row = 7, 64
	return int64(lines) * (int64(isl)*token + row)
}

// FreeBytes is how much this user may still write to the file system of a folder.
// The error is the file system's.
func FreeBytes(dir string) (int64, error) {
	var st syscall.Statfs_t
	if err := syscall.Statfs(dir, &st); err != nil {
		return 0, err
	}
	return int64(st.Bavail) * int64(st.Bsize), nil
}

// ExistingFolder is the nearest folder at or above path that exists.
func ExistingFolder(path string) string {
	for {
		info, err := os.Stat(path)
		if err == nil && info.IsDir() || path == filepath.Dir(path) {
			return path
		}
		path = filepath.Dir(path)
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

// size writes bytes as people do who buy disks for checkpoints.
func size(n int64) string {
	switch {
	case n >= 1<<30:
		return fmt.Sprintf("%.1f GiB", float64(n)/(1<<30))
	case n >= 1<<20:
		return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20))
	}
	return fmt.Sprintf("%d bytes", n)
}

// moved is how many bytes the processes of a group have read and written, on
// disks, pipes and sockets. It is not a measure but a sign of life: what changes
// lives.
func moved(group int) int64 {
	entries, _ := os.ReadDir("/proc")
	var sum int64
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		if of, err := syscall.Getpgid(pid); err != nil || of != group {
			continue
		}
		io, _ := os.ReadFile(filepath.Join("/proc", e.Name(), "io"))
		for line := range strings.Lines(string(io)) {
			name, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
			if name == "rchar" || name == "wchar" {
				n, _ := strconv.ParseInt(value, 10, 64)
				sum += n
			}
		}
	}
	return sum
}
