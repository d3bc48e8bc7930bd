package prepare

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/llmbench/llmbench/executors"
)

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
