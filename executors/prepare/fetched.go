package prepare

import (
	"os"
	"path/filepath"
	"strings"
)

// hfDir is where the hf command keeps what it knows of a folder, below it.
var hfDir = filepath.Join(".cache", "huggingface", "download")

// A fetched is what the hf command noted of a file that it brought.
type fetched struct {
	commit string
	// etag is the SHA-256 of a file in LFS, the Git hash of any other.
	etag string
}

// readFetched returns nil where hf left no note.
func readFetched(dir, name string) *fetched {
	b, err := os.ReadFile(noteOf(dir, name))
	if err != nil {
		return nil
	}
	lines := strings.Split(string(b), "\n")
	if len(lines) < 2 || !commitLike(strings.TrimSpace(lines[0])) {
		return nil
	}
	return &fetched{commit: strings.TrimSpace(lines[0]), etag: strings.TrimSpace(lines[1])}
}

// fetching reports whether hf is or was at work in a folder.
func fetching(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, hfDir))
	return err == nil
}

func noteOf(dir, name string) string { return filepath.Join(dir, hfDir, name+".metadata") }

// sha256 is the hash of the file's content, "" where the note has none.
func (f *fetched) sha256() string {
	if len(f.etag) == 64 && strings.Trim(f.etag, "0123456789abcdef") == "" {
		return f.etag
	}
	return ""
}
