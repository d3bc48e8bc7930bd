package jobdir

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/llmbench/llmbench/schema/regular"
)

// A Listing is what a folder held when it was looked at. Listing first and
// opening by name afterwards makes NFS clients see files that other hosts have
// just made.
type Listing struct {
	Dir   string
	Names []string // sorted
}

// List looks at a folder; one that does not exist is empty. Names with a dot in
// front are files in the making and left out.
func List(dir string) (Listing, error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return Listing{Dir: dir}, nil
	}
	if err != nil {
		return Listing{}, err
	}
	names := make([]string, 0, len(entries))
	for _, e := range entries {
		if name := e.Name(); name[0] != '.' {
			names = append(names, name)
		}
	}
	return Listing{Dir: dir, Names: names}, nil
}

// Has reports whether the folder held a file of that name.
func (l Listing) Has(name string) bool {
	_, ok := slices.BinarySearch(l.Names, name)
	return ok
}

// Read returns the content of a listed file; nil when it is not listed or went
// away.
func (l Listing) Read(name string) ([]byte, error) {
	if !l.Has(name) {
		return nil, nil
	}
	return ReadFile(filepath.Join(l.Dir, name))
}

// mostRecord bounds what is read of a file of a job's folder: records, scripts and
// reports have kilobytes.
const mostRecord = 64 << 20

// ReadFile returns nil for a file that does not exist. A handle that went stale
// because the file was replaced is opened anew. What is no regular file, and what is
// larger than any record, is refused and neither waited for nor read.
func ReadFile(path string) ([]byte, error) {
	for try := 0; ; try++ {
		data, err := regular.Read(path, mostRecord)
		switch {
		case err == nil:
			return data, nil
		case errors.Is(err, fs.ErrNotExist):
			return nil, nil
		case errors.Is(err, syscall.ESTALE) && try < 3:
			continue
		}
		return nil, err
	}
}

// Numbered lists the numbers n of the entries PREFIXn, ascending.
func (l Listing) Numbered(prefix string) []int {
	var out []int
	for _, name := range l.Names {
		digits, ok := strings.CutPrefix(name, prefix)
		if !ok {
			continue
		}
		if n, err := strconv.Atoi(digits); err == nil && n > 0 && strconv.Itoa(n) == digits {
			out = append(out, n)
		}
	}
	slices.Sort(out)
	return out
}

// Seen reports whether a folder has a file of that name by now. It reads the
// folder, since what a file system remembers of single names may be old.
func Seen(dir, name string) bool {
	l, err := List(dir)
	return err == nil && l.Has(name)
}
