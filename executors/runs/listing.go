package runs

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// A listing is what a folder held when it was looked at. Listing first and
// opening by name afterwards makes NFS clients see files that other hosts have
// just made.
type listing struct {
	dir   string
	names []string // sorted
	// opened, if set, collects the names of files that were opened.
	opened *[]string
}

// list looks at a folder; one that does not exist is empty. Names with a dot in
// front are files in the making and left out.
func list(dir string) (listing, error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return listing{dir: dir}, nil
	}
	if err != nil {
		return listing{}, err
	}
	names := make([]string, 0, len(entries))
	for _, e := range entries {
		if name := e.Name(); name[0] != '.' {
			names = append(names, name)
		}
	}
	return listing{dir: dir, names: names}, nil
}

func (l listing) has(name string) bool {
	_, ok := slices.BinarySearch(l.names, name)
	return ok
}

// read returns the content of a listed file; nil when it is not listed or went
// away.
func (l listing) read(name string) ([]byte, error) {
	if !l.has(name) {
		return nil, nil
	}
	l.note(name)
	return readFile(filepath.Join(l.dir, name))
}

func (l listing) note(name string) {
	if l.opened != nil {
		*l.opened = append(*l.opened, name)
	}
}

// readFile returns nil for a file that does not exist. A handle that went stale
// because the file was replaced is opened anew.
func readFile(path string) ([]byte, error) {
	for try := 0; ; try++ {
		data, err := os.ReadFile(path)
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

// record decodes a job's record; false when it is absent or not whole.
func (l listing) record(name string, into any) (bool, error) {
	data, err := l.read(name)
	return data != nil && decodeRecord(data, into), err
}

// document decodes a file that is renamed into place; false when it is absent
// or not whole.
func (l listing) document(name string, into any) (bool, error) {
	data, err := l.read(name)
	return data != nil && decodeDocument(data, into), err
}

// numbered lists the numbers n of the entries PREFIXn, ascending.
func (l listing) numbered(prefix string) []int {
	var out []int
	for _, name := range l.names {
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
	l, err := list(dir)
	return err == nil && l.has(name)
}
