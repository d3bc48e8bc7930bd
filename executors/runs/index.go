package runs

import (
	"crypto/sha256"
	"debug/elf"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

// An index holds histories in their written form by fingerprint, so that
// attempts that ended long ago need not be judged again. It is made of the files
// of the store and never believed over them: each history is used only while the
// files that it was read from have the same stamps, and what is damaged, or was
// written by another llmbench, does not exist. It can be removed at any time.
type index struct {
	words   *words
	entries map[string]indexed
}

// An indexed history is in its written form.
type indexed struct {
	raw string
	// holds says that the files were looked at, by this view, and are still those
	// that the history was read from; unsafe that a later change may not show.
	holds, unsafe bool
}

// indexDir lies in each half of the store. There is a file for every build of
// llmbench that wrote one: builds may judge differently.
const indexDir = "index"

// indexMark begins the file of an index.
const indexMark = "llmbench index 2\n"

// mostIndexes is how many builds may have an index.
const mostIndexes = 4

func emptyIndex() *index { return &index{words: newWords(nil), entries: map[string]indexed{}} }

// indexName names the file of this build; "" where the build cannot be told. Times
// without a zone are read in that of the host, so that the zone counts too.
var indexName = sync.OnceValue(func() string {
	id := buildID()
	if id == "" {
		return ""
	}
	zone, offset := time.Now().Zone()
	sum := sha256.Sum256(fmt.Appendf(nil, "%s\x00%s\x00%d", id, zone, offset))
	return hex.EncodeToString(sum[:8])
})

// buildID tells builds of llmbench apart by their content.
func buildID() string {
	path, err := os.Executable()
	if err != nil {
		return ""
	}
	f, err := elf.Open(path)
	if err != nil {
		return ""
	}
	defer f.Close()
	section := f.Section(".note.go.buildid")
	if section == nil {
		return ""
	}
	id, err := section.Data()
	if err != nil {
		return ""
	}
	return string(id)
}

// readIndex reads an index as far as it is whole.
func readIndex(path string) *index {
	text, err := readText(path)
	if err != nil {
		return emptyIndex()
	}
	return parseIndex(text)
}

func readText(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	var b strings.Builder
	if info, err := f.Stat(); err == nil {
		b.Grow(int(min(info.Size(), 1<<30)))
	}
	_, err = f.WriteTo(&b)
	return b.String(), err
}

func parseIndex(text string) *index {
	x := emptyIndex()
	rest, ok := strings.CutPrefix(text, indexMark)
	if !ok {
		return x
	}
	first, rest, ok := cutFrame(rest)
	if !ok {
		return x
	}
	var list []string
	c := &codec{reading: true, in: first}
	each(c, &list, c.text)
	if c.bad {
		return x
	}
	x.words = newWords(list)
	for rest != "" {
		var frame string
		if frame, rest, ok = cutFrame(rest); !ok {
			break
		}
		if folder, raw, ok := strings.Cut(frame, "/"); ok {
			x.entries[folder] = indexed{raw: raw}
		}
	}
	return x
}

// A frame is a length, a text and its checksum.
func appendFrame(out []byte, text string) []byte {
	c := &codec{out: out}
	c.text(&text)
	sum := int64(crc32.Checksum([]byte(text), castagnoli))
	c.whole(&sum)
	return c.out
}

func cutFrame(s string) (text, rest string, ok bool) {
	c := &codec{reading: true, in: s}
	var sum int64
	c.text(&text)
	c.whole(&sum)
	return text, c.in, !c.bad && sum == int64(crc32.Checksum([]byte(text), castagnoli))
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// write puts the index into its file. It need not be durable: what is not whole
// is not read.
func (x *index) write(s *Store, half string) error {
	dir := filepath.Join(half, indexDir)
	name := indexName()
	if name == "" {
		return errors.New("no build id")
	}
	if err := s.mkdirAll(dir); err != nil {
		return err
	}
	temp := filepath.Join(dir, fmt.Sprintf(".%s.%s.%d", name, place(), os.Getpid()))
	f, err := os.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o666)
	if err != nil {
		return err
	}
	defer os.Remove(temp)
	if err := errors.Join(x.writeTo(f), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(temp, filepath.Join(dir, name)); err != nil {
		return err
	}
	sweepIndexes(dir)
	return nil
}

func (x *index) writeTo(f *os.File) error {
	c := &codec{}
	each(c, x.words.list.Load(), c.text)
	out := appendFrame([]byte(indexMark), string(c.out))
	for fingerprint, e := range x.entries {
		if e.unsafe {
			continue
		}
		out = appendFrame(out, fingerprint+"/"+e.raw)
		if len(out) >= 1<<20 {
			if _, err := f.Write(out); err != nil {
				return err
			}
			out = out[:0]
		}
	}
	_, err := f.Write(out)
	return err
}

// sweepIndexes removes what builds left that wrote none for the longest time.
func sweepIndexes(dir string) {
	type old struct {
		name string
		at   time.Time
	}
	var found []old
	entries, _ := os.ReadDir(dir)
	for _, e := range entries {
		if info, err := e.Info(); err == nil {
			found = append(found, old{e.Name(), info.ModTime()})
		}
	}
	slices.SortFunc(found, func(a, b old) int { return b.at.Compare(a.at) })
	for i := mostIndexes; i < len(found); i++ {
		os.Remove(filepath.Join(dir, found[i].name))
	}
}
