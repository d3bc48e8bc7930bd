package preparetest

import (
	"encoding/binary"
	"os"
)

// WriteImage makes a file that looks like a whole squashfs image of so many
// bytes.
func WriteImage(path string, bytes int64) error {
	head := make([]byte, 96)
	copy(head, "hsqs")
	binary.LittleEndian.PutUint64(head[40:], uint64(bytes))
	if err := os.WriteFile(path, head, 0o644); err != nil {
		return err
	}
	return os.Truncate(path, bytes)
}
