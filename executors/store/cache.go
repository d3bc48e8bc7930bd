package store

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"time"

	jsonv2 "github.com/go-json-experiment/json"
	jsonv1 "github.com/go-json-experiment/json/v1"

	"github.com/llmbench/llmbench/executors/jobdir"
	"github.com/llmbench/llmbench/executors/results"
	"github.com/llmbench/llmbench/plan/failure"
	"github.com/llmbench/llmbench/schema/regular"
)

// A cache is a file of JSON lines: a head, a line for each value that results share, a
// line for each folder of a fingerprint whose attempts have all ended, and an end with a
// checksum. A folder's line holds what readers ask of the attempts, and the stamps of
// the files that tell it. It is used only while the files have the same stamps; a cache
// that is damaged, that another user owns, or that another version of llmbench wrote, is
// not read and is written anew. There is one for each user and each half of the store,
// and it can be removed at any time. Beside it lies what was read of data sets of the
// user's own.
const (
	cacheDir    = "cache"
	cacheFormat = 4
)

// cacheHead is the first line. Times without a zone are read in that of the host.
type cacheHead struct {
	Format  int    `json:"format"`
	Version string `json:"llmbench"`
	Zone    string `json:"zone"`
	Values  int    `json:"values"` // lines of values
}

// cacheEnd is the last line, with the checksum of all before it.
type cacheEnd struct {
	CRC32 uint32 `json:"crc32"`
}

func newCacheHead(version string, values int) cacheHead {
	return cacheHead{cacheFormat, version, time.Now().Format("MST-0700"), values}
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

// Keep puts what was read into the cache, where that is worth it. That it cannot be
// kept is no error.
func (v *View) Keep() {
	for i := range v.halves {
		v.halves[i].keep()
	}
}

func (h *viewPart) keep() {
	if h.store.without != "" {
		return
	}
	h.mu.Lock()
	enough := h.stale > 0 || h.fresh >= h.least && h.fresh*shareFresh >= len(h.entries)
	entries := slices.Collect(maps.Values(h.entries))
	if enough {
		h.fresh, h.stale = 0, 0
	}
	h.mu.Unlock()
	if !enough {
		return
	}
	var lines [][]byte
	for _, e := range entries {
		e.mu.Lock()
		if e.line != nil {
			lines = append(lines, e.line)
		}
		e.mu.Unlock()
	}
	slices.SortFunc(lines, bytes.Compare)
	h.values.mu.Lock()
	defer h.values.mu.Unlock()
	_ = h.store.writeCache(h.store.half(h.simulated), h.version, h.values.lines, lines)
}

// readCache returns the lines of a cache by fingerprint, and the values that they share;
// none for one that cannot be used.
func readCache(half, version string) (map[string][]byte, [][]byte) {
	f, err := openOwn(cachePath(half))
	if err != nil {
		return nil, nil
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, nil
	}
	text := make([]byte, info.Size())
	if _, err := io.ReadFull(f, text); err != nil {
		return nil, nil
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

func parseCache(text []byte, version string) (map[string][]byte, [][]byte) {
	i := bytes.LastIndexByte(bytes.TrimSuffix(text, []byte("\n")), '\n') + 1
	first, body, _ := bytes.Cut(text[:i], []byte("\n"))
	var head cacheHead
	if err := json.Unmarshal(first, &head); err != nil || head != newCacheHead(version, head.Values) ||
		!bytes.Equal(text[i:], jsonLine(cacheEnd{crc32.Checksum(text[:i], castagnoli)})) {
		return nil, nil
	}
	lines, values := map[string][]byte{}, [][]byte{}
	for line := range bytes.Lines(body) {
		if len(values) < head.Values {
			values = append(values, line)
			continue
		}
		// The key is first in its line, and the line is long.
		first, _, _ := bytes.Cut(line, []byte(`",`))
		if fingerprint, ok := bytes.CutPrefix(first, []byte(`{"runs":"`)); ok {
			lines[string(fingerprint)] = line
		}
	}
	return lines, values
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// writeCache replaces a cache whole. It need not be durable: what is not whole is not
// read.
func (s *Store) writeCache(half, version string, values, lines [][]byte) error {
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
	w.Write(jsonLine(newCacheHead(version, len(values))))
	for _, line := range slices.Concat(values, lines) {
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
func (h *history) line(shared *values) []byte {
	h.outcomes(func(_ string, o *outcome) {
		if o.result == nil {
			return
		}
		r := *o.result
		o.Kept = &keptResult{Result: &r, Files: []string{}, ScriptSHA256: r.Provenance.ScriptSHA256, provenance: r.Provenance, argv: r.Provenance.Argv}
		o.Kept.provenance.Argv, o.Kept.provenance.ScriptSHA256 = nil, nil
		for _, reason := range r.Reasons {
			o.Kept.Reasons = append(o.Kept.Reasons, keptReason(reason))
		}
		for _, l := range logs {
			if path := *l.path(&r.Files); path != nil && filepath.Base(*path) == l.name {
				o.Kept.Files = append(o.Kept.Files, l.name)
			}
		}
		for _, v := range o.Kept.shared() {
			*v.number = shared.add(v.pointer)
		}
	})
	line := jsonLine(h)
	h.outcomes(func(_ string, o *outcome) { o.Kept = nil })
	return line
}

// readLine reads what line wrote; dir is the folder of all fingerprints, which may
// have been elsewhere then.
func readLine(line []byte, dir string, shared *values) (*history, error) {
	h := &history{}
	if err := jsonv2.Unmarshal(line, h, jsonv1.DefaultOptionsV1()); err != nil {
		return nil, err
	}
	var failed error
	h.outcomes(func(at string, o *outcome) {
		if o.Kept == nil {
			return
		}
		r := o.Kept.Result
		if r == nil {
			failed = errors.New("an empty result")
			return
		}
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
		for _, v := range o.Kept.shared() {
			failed = cmp.Or(failed, shared.get(*v.number, v.pointer))
		}
		r.Provenance = o.Kept.provenance
		r.Provenance.Argv, r.Provenance.ScriptSHA256 = o.Kept.argv, o.Kept.ScriptSHA256
		o.Kept = nil
	})
	if failed != nil {
		return nil, failed
	}
	return h, nil
}

// A keptResult is a result with what its document leaves out, the names of its files in
// place of their paths, and the numbers of the values that it shares with others.
type keptResult struct {
	*results.Result
	Reasons []keptReason `json:"reasons"`
	Files   []string     `json:"files"`

	Executor      int `json:"executor"`
	Settings      int `json:"executor_settings"`
	Caveats       int `json:"caveats"`
	Model         int `json:"model"`
	Hardware      int `json:"hardware"`
	Image         int `json:"image"`
	UseCase       int `json:"use_case"`
	Arguments     int `json:"arguments"`
	LLMAPIOptions int `json:"llm_api_options"`
	Env           int `json:"env"`
	Dataset       int `json:"dataset"`
	Estimate      int `json:"estimate"`
	// Provenance is what is left of it without what tells attempts apart.
	Provenance   int     `json:"provenance"`
	Argv         int     `json:"argv"`
	ScriptSHA256 *string `json:"script_sha256"`

	provenance results.Provenance
	argv       []string
}

// shared are the values, each with its number.
func (k *keptResult) shared() []keptValue {
	r := k.Result
	return []keptValue{
		{&r.Executor, &k.Executor}, {&r.Settings, &k.Settings}, {&r.Caveats, &k.Caveats}, {&r.Model, &k.Model},
		{&r.Hardware, &k.Hardware}, {&r.Image, &k.Image}, {&r.UseCase, &k.UseCase}, {&r.Arguments, &k.Arguments},
		{&r.LLMAPIOptions, &k.LLMAPIOptions}, {&r.Env, &k.Env}, {&r.Dataset, &k.Dataset}, {&r.Estimate, &k.Estimate},
		{&k.provenance, &k.Provenance}, {&k.argv, &k.Argv},
	}
}

type keptValue struct {
	pointer any
	number  *int
}

// values are what results share, a line of JSON each, by number. They are safe for
// several goroutines.
type values struct {
	mu     sync.Mutex
	lines  [][]byte
	number map[string]int  // of a line; nil until the first is added
	read   []reflect.Value // what was read of the lines so far
}

// add returns the number of what a pointer points to.
func (v *values) add(pointer any) int {
	line := jsonLine(pointer)
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.number == nil {
		v.number = map[string]int{}
		for n, line := range v.lines {
			v.number[string(line)] = n
		}
	}
	n, known := v.number[string(line)]
	if !known {
		n, v.lines = len(v.lines), append(v.lines, line)
		v.number[string(line)] = n
	}
	return n
}

// get sets what a pointer points to. All who get a value share what it points to.
func (v *values) get(n int, pointer any) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if n < 0 || n >= len(v.lines) {
		return errors.New("a value is missing")
	}
	v.read = slices.Grow(v.read, len(v.lines))[:len(v.lines)]
	into := reflect.ValueOf(pointer).Elem()
	if had := v.read[n]; !had.IsValid() || had.Type() != into.Type() {
		read := reflect.New(into.Type())
		if err := jsonv2.Unmarshal(v.lines[n], read.Interface(), jsonv1.DefaultOptionsV1()); err != nil {
			return err
		}
		if v.read[n] = read.Elem(); into.Kind() == reflect.Slice {
			v.read[n].SetCap(v.read[n].Len()) // what one appends is not the others'
		}
	}
	into.Set(v.read[n])
	return nil
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
