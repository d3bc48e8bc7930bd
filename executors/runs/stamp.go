package runs

import (
	"encoding/binary"
	"hash/fnv"
	"os"
	"path/filepath"
	"time"
)

// A stamp is what tells one state of a file or folder from another. Its time is
// that of the last change as the file system counts it, which nobody can set.
type stamp struct {
	inode, size uint64
	changed     int64 // nanoseconds
}

// stamps are those of everything that a history was read from.
type stamps struct {
	dir *os.File // of all fingerprints
	buf []byte
	// ok says that all was there, and newest when the last of it changed.
	ok     bool
	newest int64
}

func (s *stamps) add(path string, folder bool) {
	one, ok := statAt(s.dir, path, folder)
	s.ok = s.ok && ok
	s.newest = max(s.newest, one.changed)
	for _, n := range [...]uint64{one.inode, one.size, uint64(one.changed)} {
		s.buf = binary.LittleEndian.AppendUint64(s.buf, n)
	}
}

// sum stands for all that was added.
func (s *stamps) sum() int64 {
	h := fnv.New64a()
	h.Write(s.buf)
	return int64(h.Sum64())
}

// coarse is the step in which the coarsest of file systems count time: what
// changes twice in one step may look the same.
const coarse = 2 * time.Second

// fileTime is the time of the file system that holds a folder, which may have
// another clock than this host; 0 where it cannot be told.
func fileTime(dir string) int64 {
	f, err := os.CreateTemp(dir, ".time.*")
	if err != nil {
		return 0
	}
	defer os.Remove(f.Name())
	defer f.Close()
	d, err := os.Open(dir)
	if err != nil {
		return 0
	}
	defer d.Close()
	s, _ := statAt(d, filepath.Base(f.Name()), false)
	return s.changed
}
