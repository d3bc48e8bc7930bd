package store

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/gob"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/llmbench/llmbench/executors/jobdir"
	"github.com/llmbench/llmbench/plan/trtllm"
)

// recipesDir lies in the folder of the data sets and has a record for every
// shape that was generated, so that its data set is found without generating.
const recipesDir = "recipes"

// A recipe is what a generated data set was made from, and which file it gave.
type recipe struct {
	Generator string       `json:"generator"`
	Shape     trtllm.Shape `json:"shape"`
	SHA256    string       `json:"sha256"`
	Bytes     int64        `json:"bytes"`
}

// EnsureDataset returns the absolute path and the hexadecimal SHA-256 of the
// data set of a shape, generated unless it is in the store with the content that it
// should have. Two callers may generate the same one at once: they write the same
// bytes. progress, which may be nil, is told the number of lines written so far.
func (s *Store) EnsureDataset(ctx context.Context, shape trtllm.Shape, progress func(lines int)) (path, sha string, err error) {
	want := recipe{Generator: trtllm.Generator, Shape: shape}
	name := recipeName(want)
	recipes := s.recipesDir()
	if d, ok := s.findDataset(name); ok && s.CheckDataset(d) == nil {
		return d.Path, d.SHA256, nil
	}
	if err := s.mkdirAll(recipes); err != nil {
		return "", "", err
	}
	jobdir.Sweep(s.datasetsDir(), recipes)
	made, err := s.generate(ctx, shape, progress)
	if err != nil {
		return "", "", err
	}
	want.SHA256, want.Bytes = made.SHA256, made.Bytes
	return s.datasetPath(made.SHA256), made.SHA256, jobdir.ReplaceFile(recipes, name, jobdir.Encode(want), 0o644)
}

// A Dataset is a file of requests, of which the first lines, all where that is 0,
// should have the hexadecimal SHA-256; "" is any.
type Dataset struct {
	Path   string
	Lines  int
	SHA256 string
}

// CheckDataset is an error where a data set does not have its content. What this
// store has read is not read again while the file's size, time and inode stay.
func (s *Store) CheckDataset(d Dataset) error {
	if s.DatasetChecked(d) {
		return nil
	}
	info, err := os.Stat(d.Path)
	if err != nil {
		return err
	}
	sha, err := s.sum(d)
	if err != nil {
		return fmt.Errorf("%s: %w", d.Path, err)
	}
	if sha != d.SHA256 {
		return fmt.Errorf("%s: its SHA-256 is %.12s… and was %.12s…", d.Path, sha, d.SHA256)
	}
	s.checked.Store(d, info)
	return nil
}

// DatasetChecked reports whether CheckDataset was content with the file as it is.
func (s *Store) DatasetChecked(d Dataset) bool {
	if d.SHA256 == "" {
		return true
	}
	known, ok := s.checked.Load(d)
	now, err := os.Stat(d.Path)
	if !ok || err != nil {
		return false
	}
	was := known.(fs.FileInfo)
	return os.SameFile(was, now) && was.Size() == now.Size() && was.ModTime().Equal(now.ModTime())
}

// largeDataset is the size from which a user is told before a data set is read or
// written.
const largeDataset = 256 << 20

// Unchecked is the size of a data set that CheckDataset has to read; long says that this
// takes a while.
func (s *Store) Unchecked(d Dataset) (bytes int64, long bool) {
	info, err := os.Stat(d.Path)
	if err != nil || s.DatasetChecked(d) {
		return 0, false
	}
	return info.Size(), info.Size() >= largeDataset
}

// sum is the SHA-256 of the lines.
func (s *Store) sum(d Dataset) (string, error) {
	if d.Lines > 0 {
		read, err := s.ReadDataset(d.Path, d.Lines)
		return read.SHA256, err
	}
	sum, err := jobdir.SumFile(d.Path)
	return sum.SHA256, err
}

// settles is how long a data set must be unchanged before what was read of it is kept:
// what changes within one step of a file system's clock looks the same.
const settles = time.Minute

// ReadDataset is trtllm.ReadDatasetFile for a data set of the user's own. In a store
// that exists this user's cache keeps what was read, which is used for as long as the
// file's inode, size and times stay the same.
func (s *Store) ReadDataset(path string, lines int) (trtllm.Dataset, error) {
	type kept struct {
		Stamp string
		trtllm.Dataset
	}
	abs, err := filepath.Abs(path)
	if err != nil {
		return trtllm.Dataset{}, err
	}
	stamp, changed := stampOf(path, true)
	key := sha256.Sum256(fmt.Appendf(nil, "%s\x00%d", abs, lines))
	file := fmt.Sprintf("%s.dataset-%x", cachePath(s.dir), key[:8])
	if f, err := openOwn(file); err == nil {
		defer f.Close()
		var known kept
		if gob.NewDecoder(bufio.NewReader(f)).Decode(&known) == nil && known.Stamp == stamp && stamp != "" {
			return known.Dataset, nil
		}
	}
	if info, err := os.Stat(path); err == nil && info.Size() >= largeDataset && s.Reading != nil {
		s.Reading(path, info.Size())
	}
	read, err := trtllm.ReadDatasetFile(path, lines)
	if now, _ := stampOf(path, true); err != nil || now != stamp || s.now().Sub(time.Unix(0, changed)) < settles || !s.exists() {
		return read, err
	}
	// That it cannot be kept is no error.
	if dir := filepath.Dir(file); s.mkdirAll(dir) == nil {
		_ = jobdir.WriteTo(dir, filepath.Base(file), func(w io.Writer) error { return gob.NewEncoder(w).Encode(kept{stamp, read}) }, 0o600)
	}
	return read, nil
}

// FindDataset returns the data set of a shape if it is in the store, by its size.
func (s *Store) FindDataset(shape trtllm.Shape) (Dataset, bool) {
	return s.findDataset(recipeName(recipe{Generator: trtllm.Generator, Shape: shape}))
}

func (s *Store) recipesDir() string { return filepath.Join(s.datasetsDir(), recipesDir) }

func (s *Store) datasetPath(sha string) string {
	return filepath.Join(s.datasetsDir(), sha+".jsonl")
}

func recipeName(r recipe) string {
	b, err := json.Marshal(r)
	if err != nil {
		panic("store: recipe is not JSON: " + err.Error())
	}
	return jobdir.SumOf(b).SHA256 + ".json"
}

// findDataset looks a recipe up; its data set must be there with the size that
// the recipe tells.
func (s *Store) findDataset(name string) (Dataset, bool) {
	l, err := jobdir.List(s.recipesDir())
	if err != nil {
		return Dataset{}, false
	}
	r, err := jobdir.Record[recipe](l, name)
	if err != nil || r == nil || !nameOK(r.SHA256) {
		return Dataset{}, false
	}
	d := Dataset{Path: s.datasetPath(r.SHA256), SHA256: r.SHA256}
	fi, err := os.Stat(d.Path)
	return d, err == nil && fi.Mode().IsRegular() && fi.Size() == r.Bytes
}

// generate writes a data set and names it by its content.
func (s *Store) generate(ctx context.Context, shape trtllm.Shape, progress func(int)) (trtllm.Dataset, error) {
	dir := s.datasetsDir()
	f, err := jobdir.CreateTemp(dir, "dataset")
	if err != nil {
		return trtllm.Dataset{}, err
	}
	defer os.Remove(f.Name())
	defer f.Close()
	if progress == nil {
		progress = func(int) {}
	}
	disk := newSteady(f)
	w := bufio.NewWriterSize(&stoppable{ctx, disk}, 1<<20)
	made, err := shape.Write(w, progress)
	if err := errors.Join(err, ctx.Err()); err != nil {
		disk.sync.Wait()
		return trtllm.Dataset{}, err
	}
	if err := errors.Join(w.Flush(), disk.sync.Wait(), f.Chmod(0o644), f.Sync(), f.Close()); err != nil {
		return trtllm.Dataset{}, fmt.Errorf("writing a data set: %w", err)
	}
	if err := os.Rename(f.Name(), s.datasetPath(made.SHA256)); err != nil {
		return trtllm.Dataset{}, err
	}
	return made, jobdir.SyncDir(dir)
}

// stoppable stops a long write when ctx ends.
type stoppable struct {
	ctx context.Context
	w   io.Writer
}

func (s *stoppable) Write(b []byte) (int, error) {
	if err := s.ctx.Err(); err != nil {
		return 0, err
	}
	return s.w.Write(b)
}
