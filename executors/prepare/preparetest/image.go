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

// Enroot stands in for enroot: enroot import -a ARCH -o FILE URI writes an image
// as mksquashfs does, its superblock last.
func Enroot() int {
	if len(os.Args) != 7 || os.Args[1] != "import" || os.Args[2] != "-a" || os.Args[4] != "-o" {
		return fail("usage: enroot import -a ARCH -o FILE URI")
	}
	file := os.Args[5]
	if _, err := os.Stat(file); err == nil {
		return fail("[ERROR] File already exists: " + file)
	}
	done, err := start(file)
	if err != nil {
		return fail(err.Error())
	}
	defer done()
	const bytes = 1 << 20
	for n := range 4 {
		f, err := os.OpenFile(file, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
		if err != nil {
			return fail(err.Error())
		}
		if _, err := f.Write(make([]byte, bytes/4)); err != nil {
			return fail(err.Error())
		}
		if err := f.Close(); err != nil {
			return fail(err.Error())
		}
		if n == 1 && behave("enroot") {
			return fail("[ERROR] Could not process JSON input")
		}
		pace()
	}
	if err := WriteImage(file, bytes); err != nil {
		return fail(err.Error())
	}
	return 0
}
