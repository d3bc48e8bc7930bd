package runs

import (
	"os"

	"golang.org/x/sys/unix"
)

// statAt looks at a file or folder by its path below dir. A folder is asked for
// at its server, as opening it would: what this host remembers may be old.
func statAt(dir *os.File, path string, folder bool) (stamp, bool) {
	flags := unix.AT_STATX_SYNC_AS_STAT
	if folder {
		flags = unix.AT_STATX_FORCE_SYNC
	}
	var s unix.Statx_t
	const wanted = unix.STATX_INO | unix.STATX_SIZE | unix.STATX_CTIME
	if err := unix.Statx(int(dir.Fd()), path, flags, wanted, &s); err != nil || s.Mask&wanted != wanted {
		return stamp{}, false
	}
	return stamp{inode: s.Ino, size: s.Size, changed: s.Ctime.Sec*1e9 + int64(s.Ctime.Nsec)}, true
}
