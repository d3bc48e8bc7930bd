package prepare

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// lfsMark begins a file that stands for its content in Git LFS.
const lfsMark = "version https://git-lfs.github.com/spec/"

func isPointer(f io.ReaderAt) bool {
	head := make([]byte, len(lfsMark))
	n, _ := f.ReadAt(head, 0)
	return bytes.Equal(head[:n], []byte(lfsMark))
}

// credential matches user and password in the URL of a remote.
var credential = regexp.MustCompile(`(?m)^\s*(?:push)?url\s*=\s*https?://[^/@\s]+@`)

// leftToken reports whether the clone in dir keeps a token or password in its
// configuration, where everyone who reads the folder finds it.
func leftToken(dir string) bool {
	b, err := os.ReadFile(filepath.Join(dir, ".git", "config"))
	return err == nil && credential.Match(b)
}

// cloned is the commit that the clone in dir is of, "" where it is none.
func cloned(dir string) string {
	git := filepath.Join(dir, ".git")
	head, err := os.ReadFile(filepath.Join(git, "HEAD"))
	if err != nil {
		return ""
	}
	name, ok := strings.CutPrefix(strings.TrimSpace(string(head)), "ref: ")
	if !ok {
		return name
	}
	if b, err := os.ReadFile(filepath.Join(git, name)); err == nil {
		return strings.TrimSpace(string(b))
	}
	packed, _ := os.ReadFile(filepath.Join(git, "packed-refs"))
	for line := range strings.Lines(string(packed)) {
		if commit, ref, ok := strings.Cut(strings.TrimSpace(line), " "); ok && ref == name {
			return commit
		}
	}
	return ""
}
