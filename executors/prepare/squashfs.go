package prepare

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
)

// A squashfs file begins with a superblock, which mksquashfs writes last: a file
// that was not finished has none, and one that was cut is shorter than the
// superblock's count of bytes.
const (
	superblockBytes = 96
	squashfsMagic   = 0x73717368 // "hsqs"
	bytesUsedAt     = 40
)

// checkSquashfs refuses a file that is no squashfs or not whole, and returns its
// size in bytes.
func checkSquashfs(path string) (int64, error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	var head [superblockBytes]byte
	if _, err := f.ReadAt(head[:], 0); err != nil {
		if errors.Is(err, io.EOF) {
			return 0, fmt.Errorf("was not written to its end: it has %d bytes", info.Size())
		}
		return 0, err
	}
	switch magic := binary.LittleEndian.Uint32(head[:]); {
	case magic == 0:
		return 0, errors.New("was not written to its end: its superblock, which comes last, is empty")
	case magic != squashfsMagic:
		return 0, errors.New("is not a squashfs image")
	}
	if used := binary.LittleEndian.Uint64(head[bytesUsedAt:]); used > uint64(info.Size()) {
		return 0, fmt.Errorf("is truncated: its superblock counts %d bytes, and it has %d", used, info.Size())
	}
	return info.Size(), nil
}
