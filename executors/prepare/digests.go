package prepare

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"

	"github.com/google/renameio/v2"
	"golang.org/x/sync/errgroup"

	"github.com/llmbench/llmbench/executors"
	"github.com/llmbench/llmbench/schema/regular"
)

// sumsName is where the hashes of shards are kept that nobody told: what -deep
// found the first time, in sha256sum's form.
const sumsName = ".llmbench.sha256"

// VerifyDeep reads all shards whole, on all cores, and holds their SHA-256
// against what the hf command noted, the hub tells, or an earlier look found.
// progress is told the bytes read so far and in total, from any goroutine.
func (w Weights) VerifyDeep(ctx context.Context, h *Hub, progress func(done, total int64)) []executors.Check {
	v := &verification{w: w}
	var names []string
	var total int64
	ix, err := readIndex(w.Path)
	for _, name := range ix.shards() {
		if info, err := os.Stat(filepath.Join(w.Path, name)); err == nil {
			names, total = append(names, name), total+info.Size()
		}
	}
	if err != nil || len(names) == 0 {
		return nil // Verify has said why
	}
	have := make([]string, len(names))
	var done atomic.Int64
	g, reading := errgroup.WithContext(ctx)
	g.SetLimit(runtime.NumCPU())
	for i, name := range names {
		g.Go(func() (err error) {
			have[i], err = hashFile(reading, filepath.Join(w.Path, name), func(n int) { progress(done.Add(int64(n)), total) })
			return err
		})
	}
	if err := g.Wait(); err != nil {
		v.add(executors.CheckFail, "", "%v", err)
		return v.checks
	}
	want, source := w.published(ctx, h, names)
	var compared int
	for i, name := range names {
		switch {
		case want[name] == "":
		case want[name] != have[i]:
			v.fail("%s has other content than %s: SHA-256 %.12s…, not %.12s…", name, source, have[i], want[name])
		default:
			compared++
		}
	}
	switch {
	case v.failed():
	case compared == len(names):
		v.add(executors.CheckOK, "", "SHA-256 of %d shards is that of %s", len(names), source)
	default:
		v.keepSums(names, have, compared)
	}
	return v.checks
}

// keepSums keeps hashes that nothing could be compared with for the next time.
func (v *verification) keepSums(names, sums []string, compared int) {
	var b strings.Builder
	for i, name := range names {
		fmt.Fprintf(&b, "%s  %s\n", sums[i], name)
	}
	remedy := "the next -deep compares with " + sumsName
	if err := renameio.WriteFile(filepath.Join(v.w.Path, sumsName), []byte(b.String()), 0o644); err != nil {
		remedy = "with a network, -deep compares with the hub"
	}
	v.add(executors.CheckWarn, remedy, "the published SHA-256 is not known here for %d of %d shards", len(names)-compared, len(names))
}

// published are the hashes that the shards should have, and who says so.
func (w Weights) published(ctx context.Context, h *Hub, names []string) (map[string]string, string) {
	sums := map[string]string{}
	for _, name := range names {
		if _, etag := readNote(w.Path, name); hexadecimal(etag, 64) {
			sums[name] = etag
		}
	}
	if len(sums) == len(names) {
		return sums, "what hf fetched"
	}
	revision := cmp.Or(origin(w.Path), w.Revision)
	if h != nil && revision != "" { // a branch may have moved on since
		if _, files, err := h.files(ctx, w.Checkpoint, revision); err == nil {
			for _, f := range files {
				if f.LFS.SHA256 != "" {
					sums[f.Name] = f.LFS.SHA256
				}
			}
			return sums, "the hub's " + fmt.Sprintf("%.12s", revision)
		}
	}
	b, _ := regular.Read(filepath.Join(w.Path, sumsName), regular.MaxText)
	for line := range strings.Lines(string(b)) {
		if sum, name, ok := strings.Cut(strings.TrimSpace(line), "  "); ok && sums[name] == "" {
			sums[name] = sum
		}
	}
	return sums, "when they were first read"
}

// hashFile is the hexadecimal SHA-256 of a file.
func hashFile(ctx context.Context, path string, read func(n int)) (string, error) {
	f, err := regular.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	buf := make([]byte, 4<<20)
	for {
		n, err := f.Read(buf)
		h.Write(buf[:n])
		read(n)
		switch {
		case err == io.EOF:
			return hex.EncodeToString(h.Sum(nil)), nil
		case err != nil:
			return "", err
		case ctx.Err() != nil:
			return "", ctx.Err()
		}
	}
}
