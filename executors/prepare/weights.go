package prepare

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/llmbench/llmbench/executors"
)

// Weights are a checkpoint that runs read: where it lies, what is declared of it
// and what is catalogued.
type Weights struct {
	Checkpoint   string // on Hugging Face
	Revision     string // as declared, "" where it is not pinned
	Path         string
	Quantization string
	// Base is the repository whose licence counts for the checkpoint, "" for none.
	Base string
	// Name, Layers and Hidden are the model's in the catalogue.
	Name           string
	Layers, Hidden int
	// Bytes and Shards are the published size; 0 is not known.
	Bytes  int64
	Shards int
}

// readers is how many headers are read at once: shared file systems answer
// slowly, and many at a time.
const readers = 16

// Verify holds the folder against itself and against what is declared, and
// returns what it found: one check that all is well, or one a defect. Only
// headers and sizes are read.
func (w Weights) Verify(ctx context.Context) []executors.Check { return w.verify(ctx).found() }

func (w Weights) verify(ctx context.Context) *verification {
	v := &verification{w: w}
	v.run(ctx)
	return v
}

// A verification is one look at a folder of weights.
type verification struct {
	w      Weights
	checks []executors.Check
	index  *index // nil for a single file
	shards []string
	files  map[string]*shardFile
	bytes  int64
	// foreign says that the folder holds another checkpoint than is declared.
	foreign bool
	// plain is the quantization by the type of tensors in config.json, "" where
	// there is a better word.
	plain string
}

// found is all that was found.
func (v *verification) found() []executors.Check {
	if v.failed() {
		return v.checks
	}
	detail := fmt.Sprintf("%s: %d shards, %s, %s", v.w.Path, len(v.shards), size(v.bytes), v.w.Quantization)
	if r := origin(v.w.Path); r != "" {
		detail += fmt.Sprintf(", revision %.12s", r)
	}
	return append([]executors.Check{{Name: "weights", Result: executors.CheckOK, Detail: detail}}, v.checks...)
}

func (v *verification) add(result, remedy, format string, args ...any) {
	v.checks = append(v.checks, executors.Check{Name: "weights", Result: result, Detail: v.w.Path + ": " + fmt.Sprintf(format, args...), Remedy: remedy})
}

// fetchRemedy is the remedy for what prepare fetches.
const fetchRemedy = "`llmbench prepare` downloads it"

func (v *verification) fail(format string, args ...any) {
	v.add(executors.CheckFail, fetchRemedy, format, args...)
}

func (v *verification) failed() bool {
	return slices.ContainsFunc(v.checks, func(c executors.Check) bool { return c.Result == executors.CheckFail })
}

func (v *verification) run(ctx context.Context) {
	info, err := os.Stat(v.w.Path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		v.fail("%s is not there", v.w.Checkpoint)
		return
	case err != nil:
		v.add(executors.CheckFail, "let this user read the folder", "%v", err)
		return
	case !info.IsDir():
		v.add(executors.CheckFail, "correct model.path", "is not a directory")
		return
	}
	if v.checkCache() {
		return
	}
	v.checkConfig()
	v.checkTokenizer()
	v.checkShards(ctx)
	v.checkPlain()
	v.checkOrigin()
}

func (v *verification) checkShards(ctx context.Context) {
	ix, err := readIndex(v.w.Path)
	if err != nil {
		v.fail("%v", err)
		return
	}
	v.index, v.shards = ix, ix.shards()
	v.readShards(ctx)
	if v.failed() {
		return
	}
	if ix != nil {
		v.checkIndex()
		v.checkSizes()
	}
	v.checkTypes()
}

// readShards reads all headers and tells the shards that are missing, that are
// pointers, and that are damaged.
func (v *verification) readShards(ctx context.Context) {
	found := make([]*shardFile, len(v.shards))
	errs := make([]error, len(v.shards))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(readers)
	for i, name := range v.shards {
		g.Go(func() error {
			found[i], errs[i] = readShard(filepath.Join(v.w.Path, name))
			return ctx.Err()
		})
	}
	if err := g.Wait(); err != nil {
		v.fail("%v", err)
		return
	}
	v.files = map[string]*shardFile{}
	var missing, pointers []string
	for i, name := range v.shards {
		switch err := errs[i]; {
		case err == nil:
			v.files[name] = found[i]
			v.bytes += found[i].data
		case errors.Is(err, fs.ErrNotExist):
			missing = append(missing, name)
		case errors.Is(err, errPointer):
			pointers = append(pointers, name)
		default:
			v.fail("%s %v", name, err)
		}
	}
	if len(missing) > 0 {
		v.fail("%d of %d shards are missing: %s", len(missing), len(v.shards), some(missing))
	}
	if len(pointers) > 0 {
		v.add(executors.CheckFail, fmt.Sprintf("`git -C %s lfs pull` downloads the weights, and so does `llmbench prepare`", v.w.Path),
			"%d of %d shards are Git LFS pointers and hold no weights: %s", len(pointers), len(v.shards), some(pointers))
	}
}

// some names the first few of a list.
func some(names []string) string {
	const few = 3
	if len(names) > few {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:few], ", "), len(names)-few)
	}
	return strings.Join(names, ", ")
}

// checkIndex holds the index against the headers, both ways.
func (v *verification) checkIndex() {
	want := v.index.byShard()
	for _, shard := range v.shards {
		have := v.files[shard].tensors
		var absent, extra []string
		for _, name := range want[shard] {
			if _, ok := have[name]; !ok {
				absent = append(absent, name)
			}
		}
		for name := range have {
			if v.index.WeightMap[name] != shard {
				extra = append(extra, name)
			}
		}
		slices.Sort(absent)
		slices.Sort(extra)
		if len(absent) > 0 {
			v.fail("%s says that %s holds %s, and its header has no such tensor", indexName, shard, some(absent))
		}
		if len(extra) > 0 {
			v.fail("%s holds %s, which %s does not place there", shard, some(extra), indexName)
		}
	}
}

// checkSizes holds the sum of all tensors against the index, and the number of
// shards against what was published.
func (v *verification) checkSizes() {
	if total := v.index.Metadata.TotalSize; total > 0 && total != v.bytes {
		v.add(executors.CheckWarn, "the index may be of another revision than the shards; -deep compares their hashes",
			"%s gives the tensors %d bytes in total, and the shards hold %d", indexName, total, v.bytes)
	}
	if n := v.w.Shards; n > 0 && n != len(v.shards) {
		v.add(executors.CheckWarn, "compare the revision", "%d shards, and %s was published with %d", len(v.shards), v.w.Checkpoint, n)
	}
	var strays []string
	found, _ := filepath.Glob(filepath.Join(v.w.Path, "*"+safetensorsName))
	for _, path := range found {
		if name := filepath.Base(path); v.files[name] == nil {
			strays = append(strays, name)
		}
	}
	if len(strays) > 0 {
		v.add(executors.CheckWarn, "remove what is of another checkpoint", "holds weights that %s does not name: %s", indexName, some(strays))
	}
}

// Weights fetches a checkpoint with the hf command unless it is there, and
// returns how it verifies in the end. What an earlier fetch left is taken up; a
// folder that holds another checkpoint is left alone.
func (f *Fetcher) Weights(ctx context.Context, w Weights) []executors.Check {
	v := w.verify(ctx)
	if !v.failed() || v.foreign {
		sweep(ctx, w.Path)
		return v.found()
	}
	if c := f.command("weights", w.Path, "hf", w.Checkpoint, "install huggingface_hub, or download it there yourself"); c != nil {
		return c
	}
	checks, err := f.hold(ctx, w.Path, func(ctx context.Context) []executors.Check {
		if v := w.verify(ctx); !v.failed() || v.foreign {
			return v.found()
		}
		return f.weights(ctx, w)
	})
	if err != nil {
		return []executors.Check{w.failed(err)}
	}
	return checks
}

func (w Weights) failed(err error) executors.Check {
	return executors.Check{Name: "weights", Result: executors.CheckFail, Detail: w.Path + ": " + err.Error(), Remedy: remedyFor(err)}
}

// weights fetches a checkpoint; the caller holds its lock.
func (f *Fetcher) weights(ctx context.Context, w Weights) []executors.Check {
	h := NewHub(f.Environ, f.Say)
	access := h.Access(ctx, w)
	if len(failing(access)) > 0 {
		return access
	}
	commit, files, _ := h.files(ctx, w.Checkpoint, w.Revision)
	total := totalOf(files, w)
	if c := CheckSpace("weights", w.Path, total-grown(w.Path)); c != nil {
		return append(withoutOK(access), *c)
	}
	if err := f.again(ctx, f.hf(h, w, commit, total), h.token, func(err error) bool { return full(err) || len(failing(h.Access(ctx, w))) > 0 }); err != nil {
		if v := w.verify(ctx); !v.failed() {
			return v.found() // another's job fetched it
		}
		if denied := failing(h.Access(ctx, w)); len(denied) > 0 {
			return denied
		}
		return append(withoutOK(access), w.failed(err))
	}
	return append(withoutOK(access), w.Verify(ctx)...)
}

// hf is the command that fetches a checkpoint. The token is in its environment,
// which only this user can read.
func (f *Fetcher) hf(h *Hub, w Weights, commit string, total int64) executors.Command {
	argv := []string{"hf", "download", w.Checkpoint, "--local-dir", w.Path}
	switch {
	case w.Revision != "":
		argv = append(argv, "--revision", w.Revision)
	case commit != "":
		argv = append(argv, "--revision", commit)
	}
	env := append(without(f.Environ, "HF_HUB_OFFLINE", "HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"), "HF_HUB_DISABLE_PROGRESS_BARS=1")
	if !h.token.none() {
		env = append(env, "HF_TOKEN="+h.token.value)
	}
	step := "fetching " + filepath.Base(w.Path)
	return executors.Command{Path: w.Path, Argv: argv, Env: env, Clean: w.discard, Look: func() { f.Bytes(step, grown(w.Path), total) }}
}

// totalOf is the size of a repository, as the hub or the catalogue tells it; 0
// is not known.
func totalOf(files []remoteFile, w Weights) int64 {
	var sum int64
	for _, f := range files {
		sum += f.Bytes
	}
	if sum == 0 {
		return w.Bytes
	}
	return sum
}

// discard removes shards that are damaged, with hf's note that they are whole,
// so that they are fetched anew. What is missing or a pointer is left to hf.
func (w Weights) discard() {
	remove := func(name string) {
		os.Remove(filepath.Join(w.Path, name))
		os.Remove(noteOf(w.Path, name))
	}
	ix, err := readIndex(w.Path)
	if err != nil {
		remove(indexName)
	}
	if ix == nil {
		return
	}
	for name := range ix.byShard() {
		_, err := readShard(filepath.Join(w.Path, name))
		var unread *fs.PathError
		if err == nil || errors.As(err, &unread) {
			continue // whole, not there, or not to be judged
		}
		remove(name)
	}
}

func withoutOK(checks []executors.Check) []executors.Check {
	return slices.DeleteFunc(checks, func(c executors.Check) bool { return c.Result == executors.CheckOK })
}
