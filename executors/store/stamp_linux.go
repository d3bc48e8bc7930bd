package store

import (
	"fmt"

	"golang.org/x/sys/unix"
)

var statx = unix.Statx

// stampOf tells one state of a file or folder from another: inode, size, and the
// times of its last change as its writer and as the file system count them. changed
// is the latter in nanoseconds, which nobody can set. A folder is asked for at its
// server, as opening it would: what this host remembers may be old. The stamp is ""
// for what is not there.
func stampOf(path string, folder bool) (stamp string, changed int64) {
	flags := unix.AT_STATX_SYNC_AS_STAT
	if folder {
		flags = unix.AT_STATX_FORCE_SYNC
	}
	var s unix.Statx_t
	const wanted = unix.STATX_INO | unix.STATX_SIZE | unix.STATX_MTIME | unix.STATX_CTIME
	if err := statx(unix.AT_FDCWD, path, flags, wanted, &s); err != nil || s.Mask&wanted != wanted {
		return "", 0
	}
	changed = s.Ctime.Sec*1e9 + int64(s.Ctime.Nsec)
	return fmt.Sprint(s.Ino, s.Size, s.Mtime.Sec*1e9+int64(s.Mtime.Nsec), changed), changed
}
