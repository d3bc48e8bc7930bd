package prepare

import (
	"os"
	"path/filepath"
	"testing"
)

// Whatever a file holds, reading its header ends with tensors or an error.
func FuzzReadShard(f *testing.F) {
	f.Add([]byte("\x08\x00\x00\x00\x00\x00\x00\x00{\"a\":{}}"))
	f.Add([]byte("\x3c\x00\x00\x00\x00\x00\x00\x00{\"a\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[0,2]}}        xx"))
	f.Add([]byte("\x44\x00\x00\x00\x00\x00\x00\x00{\"a\":{\"dtype\":\"F64\",\"shape\":[-1,9223372036854775807],\"data_offsets\":[0,-2]}}"))
	f.Fuzz(func(t *testing.T, b []byte) {
		path := filepath.Join(t.TempDir(), "a.safetensors")
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := readShard(path)
		if err != nil {
			return
		}
		if s.data < 0 || s.data > int64(len(b)) {
			t.Errorf("%d bytes of data in a file of %d", s.data, len(b))
		}
	})
}
