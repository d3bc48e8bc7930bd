package runs

import (
	"os"

	"golang.org/x/sync/errgroup"
)

// steady has a file written to the disk while more of it is being made, so that
// the sync at its end has little left to wait for.
type steady struct {
	f *os.File
	// sync is the one that goes on; its Wait returns the first error of any.
	sync errgroup.Group
	// since is how much was written since the last one was started.
	since int
}

// syncEvery is how many bytes are synced at a time at least.
const syncEvery = 16 << 20

func newSteady(f *os.File) *steady {
	s := &steady{f: f}
	s.sync.SetLimit(1)
	return s
}

func (s *steady) Write(b []byte) (int, error) {
	n, err := s.f.Write(b)
	s.since += n
	if s.since >= syncEvery && s.sync.TryGo(s.f.Sync) {
		s.since = 0
	}
	return n, err
}
