package store

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"time"

	"github.com/llmbench/llmbench/executors/jobdir"
	"github.com/llmbench/llmbench/executors/results"
	"github.com/llmbench/llmbench/plan/failure"
	"github.com/llmbench/llmbench/schema/regular"
)

// A cache is a file of JSON lines: a head, a line for each folder of a fingerprint
// whose attempts have all ended, and an end with a checksum. A line holds what
// readers ask of the attempts, and the stamps of the files that tell it. It is used
// only while the files have the same stamps; a cache that is damaged, that another
// user owns, or that another version of llmbench wrote, is not read and is written
// anew. There is one for each user and each half of the store, and it can be removed
// at any time. Beside it lies what was read of data sets of the user's own.
const (
	cacheDir    = "cache"
	cacheFormat = 3
)

// cacheHead is the first line. Times without a zone are read in that of the host.
type cacheHead struct {
	Format  int    `json:"format"`
	Version string `json:"llmbench"`
	Zone    string `json:"zone"`
}

// cacheEnd is the last line, with the checksum of all before it.
type cacheEnd struct {
	CRC32 uint32 `json:"crc32"`
}

func newCacheHead(version string) []byte {
	return jsonLine(cacheHead{cacheFormat, version, time.Now().Format("MST-0700")})
}

func jsonLine(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic("store: not JSON: " + err.Error())
	}
	return append(b, '\n')
}

func cachePath(half string) string {
	return filepath.Join(half, cacheDir, strconv.Itoa(os.Geteuid())+".jsonl")
}

// readCache returns the lines of a cache by fingerprint, none for one that cannot be
// used.
func readCache(half, version string) map[string][]byte {
	f, err := openOwn(cachePath(half))
	if err != nil {
		return nil
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil
	}
	text := make([]byte, info.Size())
	if _, err := io.ReadFull(f, text); err != nil {
		return nil
	}
	return parseCache(text, version)
}

// openOwn opens a file of a cache that belongs to this user.
func openOwn(path string) (*os.File, error) {
	f, err := regular.Open(path)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil {
		if of, ok := info.Sys().(*syscall.Stat_t); !ok || int(of.Uid) != os.Geteuid() {
			err = fmt.Errorf("%s belongs to another user", path)
		}
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

func parseCache(text []byte, version string) map[string][]byte {
	i := bytes.LastIndexByte(bytes.TrimSuffix(text, []byte("\n")), '\n') + 1
	body, ok := bytes.CutPrefix(text[:i], newCacheHead(version))
	if !ok || !bytes.Equal(text[i:], jsonLine(cacheEnd{crc32.Checksum(text[:i], castagnoli)})) {
		return nil
	}
	lines := map[string][]byte{}
	for line := range bytes.Lines(body) {
		var key struct {
			Fingerprint string `json:"runs"`
		}
		// The key is first in its line, and the line is long.
		first, _, _ := bytes.Cut(line, []byte(","))
		if json.Unmarshal(append(slices.Clip(first), '}'), &key) == nil {
			lines[key.Fingerprint] = line
		}
	}
	return lines
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// writeCache replaces a cache whole. It need not be durable: what is not whole is not
// read.
func (s *Store) writeCache(half, version string, lines [][]byte) error {
	path := cachePath(half)
	if err := s.mkdirAll(filepath.Dir(path)); err != nil {
		return err
	}
	f, err := jobdir.CreateTemp(filepath.Dir(path), filepath.Base(path))
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	sum := crc32.New(castagnoli)
	w := bufio.NewWriter(io.MultiWriter(f, sum))
	for _, line := range slices.Concat([][]byte{newCacheHead(version)}, lines) {
		w.Write(line)
	}
	if err := w.Flush(); err != nil {
		return errors.Join(err, f.Close())
	}
	_, err = f.Write(jsonLine(cacheEnd{sum.Sum32()}))
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	os.RemoveAll(filepath.Join(half, "index")) // that of llmbench before 0.2
	return os.Rename(f.Name(), path)
}

// line is the history as a line of the cache.
func (h *history) line() []byte {
	h.outcomes(func(_ string, o *outcome) {
		if r := o.result; r != nil {
			o.Kept = &keptResult{Result: r, Files: []string{}}
			for _, reason := range r.Reasons {
				o.Kept.Reasons = append(o.Kept.Reasons, keptReason(reason))
			}
			for _, l := range logs {
				if path := *l.path(&r.Files); path != nil && filepath.Base(*path) == l.name {
					o.Kept.Files = append(o.Kept.Files, l.name)
				}
			}
		}
	})
	return jsonLine(h)
}

// readLine reads what line wrote; dir is the folder of all fingerprints, which may
// have been elsewhere then.
func readLine(line []byte, dir string) (*history, error) {
	h := &history{}
	if err := json.Unmarshal(line, h); err != nil {
		return nil, err
	}
	h.outcomes(func(at string, o *outcome) {
		if o.Kept == nil {
			return
		}
		r := o.Kept.Result
		o.result, r.Reasons = r, []results.Reason{}
		for _, reason := range o.Kept.Reasons {
			r.Reasons = append(r.Reasons, results.Reason(reason))
		}
		for _, l := range logs {
			if slices.Contains(o.Kept.Files, l.name) {
				path := filepath.Join(dir, at, l.name)
				*l.path(&r.Files) = &path
			}
		}
		o.Kept = nil
	})
	return h, nil
}

// A keptResult is a result with what its document leaves out, and the names of its
// files in place of their paths.
type keptResult struct {
	*results.Result
	Reasons []keptReason `json:"reasons"`
	Files   []string     `json:"files"`
}

type keptReason struct {
	Code   failure.Code    `json:"code"`
	Level  results.Verdict `json:"level"`
	Detail string          `json:"detail"`
	Remedy string          `json:"remedy"`
	Node   string          `json:"node"`
	Log    string          `json:"log"`
	Change string          `json:"change"`
}

// logs are the files that a result names, and where.
var logs = []struct {
	name string
	path func(*results.Files) **string
}{
	{jobdir.StdoutFile, func(f *results.Files) **string { return &f.Stdout }},
	{jobdir.StderrFile, func(f *results.Files) **string { return &f.Stderr }},
	{jobdir.JobOutFile, func(f *results.Files) **string { return &f.JobOut }},
	{jobdir.ReportFile, func(f *results.Files) **string { return &f.Report }},
	{jobdir.RequestsFile, func(f *results.Files) **string { return &f.Requests }},
	{jobdir.RequestsCSV, func(f *results.Files) **string { return &f.Requests }},
}
