package jobdir

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// Take makes c the folder's claim, unless there is one already, and reports whether
// it did. link is os.Link, or what stands for it: a claim is won by link(2), so that
// it is whole as soon as it can be seen, and by mkdir(2) where there are no links.
func (f Folder) Take(c Claim, link func(from, to string) error) (bool, error) {
	record := Encode(c)
	temp, err := WriteTemp(f.Dir, ClaimFile, record, 0o644)
	if err != nil {
		return false, err
	}
	defer os.Remove(temp)
	claim := filepath.Join(f.Dir, ClaimFile)
	err = link(temp, claim)
	switch {
	case err == nil:
		return true, SyncDir(f.Dir)
	case errors.Is(err, fs.ErrExist):
		return same(temp, claim), nil // NFS may repeat its answer to a link that was made
	case !NoLinks(err):
		return false, err
	}
	err = os.Mkdir(filepath.Join(f.Dir, claimDir), 0o777)
	if errors.Is(err, fs.ErrExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return true, WriteFile(f.Dir, ClaimFile, record, 0o644)
}

func same(a, b string) bool {
	x, errX := os.Stat(a)
	y, errY := os.Stat(b)
	return errX == nil && errY == nil && os.SameFile(x, y)
}

// NoLinks reports whether link(2) failed because the file system has no links.
func NoLinks(err error) bool {
	return unsupported(err) || errors.Is(err, fs.ErrPermission)
}
