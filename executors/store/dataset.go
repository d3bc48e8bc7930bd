package store

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/gob"
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
	if d, ok := s.FindDataset(shape); ok && s.CheckDataset(d) == nil {
		return d.Path, d.SHA256, nil
	}
	if err := s.mkdirAll(s.recipesDir()); err != nil {
		return "", "", err
	}
	jobdir.Sweep(s.datasetsDir(), s.recipesDir())
	made, err := s.generate(ctx, shape, progress)
	if err != nil {
		return "", "", err
	}
	r := recipe{Generator: trtllm.Generator, Shape: shape, SHA256: made.SHA256, Bytes: made.Bytes}
	s.recipes.Store(shape, r)
	return s.datasetPath(made.SHA256), made.SHA256, s.put(s.recipesDir(), recipeName(shape), jobdir.Encode(r))
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
	var sha string
	if d.Lines > 0 {
		var read trtllm.Dataset
		read, err = s.ReadDataset(d.Path, d.Lines)
		sha = read.SHA256
	} else {
		var sum jobdir.Sum
		sum, err = jobdir.SumFile(d.Path)
		sha = sum.SHA256
	}
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

func (s *Store) recipesDir() string { return filepath.Join(s.datasetsDir(), recipesDir) }

func (s *Store) datasetPath(sha string) string {
	return filepath.Join(s.datasetsDir(), sha+".jsonl")
}

// recipeName is the name of the recipe of a shape, which is of what it is made from.
func recipeName(shape trtllm.Shape) string {
	made := bytes.TrimSuffix(jsonLine(recipe{Generator: trtllm.Generator, Shape: shape}), []byte("\n"))
	return jobdir.SumOf(made).SHA256 + ".json"
}

// FindDataset looks the recipe of a shape up, once in the life of the Store; its data set
// must be there with the size that the recipe tells.
func (s *Store) FindDataset(shape trtllm.Shape) (Dataset, bool) {
	known, ok := s.recipes.Load(shape)
	if !ok {
		l, err := jobdir.List(s.recipesDir())
		if err != nil {
			return Dataset{}, false
		}
		r, err := jobdir.Record[recipe](l, recipeName(shape))
		if err != nil || r == nil || !nameOK(r.SHA256) {
			return Dataset{}, false
		}
		known, _ = s.recipes.LoadOrStore(shape, *r)
	}
	r := known.(recipe)
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
	defer context.AfterFunc(ctx, func() { f.Close() })() // which stops a long write
	w := bufio.NewWriterSize(f, 1<<20)
	made, err := shape.Write(w, progress)
	if err := cmp.Or(ctx.Err(), err); err != nil {
		return trtllm.Dataset{}, err
	}
	if err := errors.Join(w.Flush(), f.Chmod(0o644), f.Sync(), f.Close()); err != nil {
		return trtllm.Dataset{}, fmt.Errorf("writing a data set: %w", err)
	}
	if err := os.Rename(f.Name(), s.datasetPath(made.SHA256)); err != nil {
		return trtllm.Dataset{}, err
	}
	return made, jobdir.SyncDir(dir)
}
