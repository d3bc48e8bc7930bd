package jobdir

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"

	"golang.org/x/sync/errgroup"

	"github.com/llmbench/llmbench/schema/regular"
)

// A Folder is where a client and one job leave each other their records.
type Folder struct {
	// Dir is absolute.
	Dir string
}

// Intent returns nil when the folder was never prepared to the end.
func (f Folder) Intent() (*Intent, error) { return look(f, IntentFile, Document[Intent]) }

// Intend writes the intent, without which no job of the folder may be submitted.
func (f Folder) Intend(i Intent) error {
	return ReplaceFile(f.Dir, IntentFile, Encode(i), 0o644)
}

// Discard removes a folder without an intent.
func (f Folder) Discard() error {
	l, err := List(f.Dir)
	if err != nil || l.Has(IntentFile) {
		return err
	}
	return os.RemoveAll(f.Dir)
}

// Receipt returns the receipt of the submission, nil while there is none.
func (f Folder) Receipt() (*JobRecord, error) { return look(f, JobFile, Document[JobRecord]) }

// Ended returns the end as the backend reports it, nil while there is none.
func (f Folder) Ended() (*EndRecord, error) { return look(f, EndedFile, Document[EndRecord]) }

// Claim returns the owner of the folder, nil while there is none.
func (f Folder) Claim() (*Claim, error) { return look(f, ClaimFile, Record[Claim]) }

// Start returns nil until the benchmark's step was started.
func (f Folder) Start() (*Start, error) { return look(f, StartFile, Record[Start]) }

// ExitRecord returns the job's exit record, nil until it is there and whole.
func (f Folder) ExitRecord() (*ExitRecord, error) { return look(f, ExitFile, Record[ExitRecord]) }

// Cancelled reports whether the job was asked to stop. It may still
// run; if it starts later it refuses to.
func (f Folder) Cancelled() bool { return Seen(f.Dir, CancelledFile) }

// RecordJob writes the receipt of the submission. One that a crash of the host
// loses is found again by the job's name.
func (f Folder) RecordJob(r JobRecord) error {
	return WriteFile(f.Dir, JobFile, Encode(r), 0o644)
}

// RecordEnd writes the end as the backend reports it.
func (f Folder) RecordEnd(r EndRecord) error {
	return ReplaceFile(f.Dir, EndedFile, Encode(r), 0o644)
}

// MarkCancelled asks the job to stop, durably: call it before the backend
// is asked.
func (f Folder) MarkCancelled() error {
	return ReplaceFile(f.Dir, CancelledFile, nil, 0o644)
}

func look[T any](f Folder, name string, read func(Listing, string) (*T, error)) (*T, error) {
	l, err := List(f.Dir)
	if err != nil {
		return nil, err
	}
	return read(l, name)
}

// Record reads a record that another process wrote; nil when it is absent or not
// whole.
func Record[T any](l Listing, name string) (*T, error) { return read[T](l, name, Decode) }

// Document reads a file that is only ever renamed into place; nil when it is absent
// or not whole.
func Document[T any](l Listing, name string) (*T, error) { return read[T](l, name, decodeDocument) }

func read[T any](l Listing, name string, decode func([]byte, any) bool) (*T, error) {
	data, err := l.Read(name)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", filepath.Join(l.Dir, name), err)
	}
	v := new(T)
	if data == nil || !decode(data, v) {
		return nil, nil
	}
	return v, nil
}

// Take makes c the folder's claim, unless there is one already, and reports whether it
// did: by link, as in WriteNew, and by mkdir(2) where there are no links.
func (f Folder) Take(c Claim, link func(from, to string) error) (bool, error) {
	return WriteNew(f.Dir, ClaimFile, Encode(c), link, func() error { return os.Mkdir(filepath.Join(f.Dir, claimDir), 0o777) })
}

// AtOnce does something for each index below n, 32 of them side by side: on a file system
// across the network reading is waiting. It returns the first error.
func AtOnce(n int, do func(i int) error) error {
	var g errgroup.Group
	var next atomic.Int64
	for range min(n, 32) {
		g.Go(func() error {
			for {
				i := int(next.Add(1)) - 1
				if i >= n {
					return nil
				}
				if err := do(i); err != nil {
					return err
				}
			}
		})
	}
	return g.Wait()
}

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
