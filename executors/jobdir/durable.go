package jobdir

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/google/renameio/v2"
	"golang.org/x/sync/errgroup"
)

// volatile is set by Volatile.
var volatile bool

// Volatile makes this process wait for no disk: nothing that it writes from here
// on is durable. It is for stores that a test or a measurement fills and throws
// away, and cannot be undone.
func Volatile() { volatile = true }

// WriteFile puts a file in place whole or not at all. Its name is durable only
// once SyncDir has returned.
func WriteFile(dir, name string, data []byte, perm fs.FileMode) error {
	if volatile {
		return os.WriteFile(filepath.Join(dir, name), data, perm)
	}
	return WriteTo(dir, name, func(w io.Writer) error {
		_, err := w.Write(data)
		return err
	}, perm)
}

// WriteTo is WriteFile for what is written piece by piece.
func WriteTo(dir, name string, write func(io.Writer) error, perm fs.FileMode) error {
	f, err := renameio.NewPendingFile(filepath.Join(dir, name), renameio.WithTempDir(dir), renameio.WithPermissions(perm))
	if err != nil {
		return err
	}
	defer f.Cleanup()
	if err := write(f); err != nil {
		return err
	}
	return f.CloseAtomicallyReplace()
}

// A File is to be written.
type File struct {
	Name string
	Data []byte
	Perm fs.FileMode
}

// FillFiles writes files into a folder that nobody reads before another file says
// that it is whole. Their names are durable only once SyncDir has returned.
func FillFiles(dir string, files []File) error {
	var g errgroup.Group // syncing is waiting
	for _, f := range files {
		g.Go(func() error { return fillFile(filepath.Join(dir, f.Name), f.Data, f.Perm) })
	}
	return g.Wait()
}

func fillFile(path string, data []byte, perm fs.FileMode) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, perm)
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := f.Write(data); err != nil {
		return err
	}
	if volatile {
		return errors.Join(f.Chmod(perm), f.Close())
	}
	return errors.Join(f.Chmod(perm), f.Sync(), f.Close())
}

// Symlink makes or replaces a link. It is durable once its folder is.
func Symlink(target, path string) error {
	err := os.Symlink(target, path)
	if errors.Is(err, fs.ErrExist) {
		return renameio.Symlink(target, path)
	}
	return err
}

// ReplaceFile is WriteFile with a durable name.
func ReplaceFile(dir, name string, data []byte, perm fs.FileMode) error {
	if err := WriteFile(dir, name, data, perm); err != nil {
		return err
	}
	return SyncDir(dir)
}

// WriteOnce is ReplaceFile for a file that is left as it is when it exists.
func WriteOnce(dir, name string, data []byte, perm fs.FileMode) error {
	if _, err := os.Lstat(filepath.Join(dir, name)); err == nil {
		return nil
	}
	return ReplaceFile(dir, name, data, perm)
}

// SyncDirs is SyncDir for several folders at once.
func SyncDirs(dirs ...string) error {
	var g errgroup.Group
	for _, dir := range dirs {
		g.Go(func() error { return SyncDir(dir) })
	}
	return g.Wait()
}

// SyncDir makes the names in a folder durable. File systems that cannot sync a
// folder do so by themselves.
func SyncDir(dir string) error {
	if volatile {
		return nil
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	if err := d.Sync(); err != nil && !unsupported(err) {
		return err
	}
	return nil
}

// unsupported reports whether a file system said that it has no such operation.
func unsupported(err error) bool {
	return errors.Is(err, errors.ErrUnsupported) || errors.Is(err, syscall.EINVAL)
}
