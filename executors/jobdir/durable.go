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

// WriteFile puts a file in place whole or not at all. Its name is durable only
// once SyncDir has returned. A file that is not for its owner alone gets the mode of
// the folder: whoever may read or write there may do so with it, whatever the umask.
func WriteFile(dir, name string, data []byte, perm fs.FileMode) error {
	return WriteTo(dir, name, func(w io.Writer) error {
		_, err := w.Write(data)
		return err
	}, perm)
}

// WriteTo is WriteFile for what is written piece by piece.
func WriteTo(dir, name string, write func(io.Writer) error, perm fs.FileMode) error {
	perm, err := shared(dir, perm)
	if err != nil {
		return err
	}
	f, err := renameio.NewPendingFile(filepath.Join(dir, name), renameio.WithTempDir(dir), renameio.WithStaticPermissions(perm))
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
	perm, err := shared(filepath.Dir(path), perm)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, perm)
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := f.Write(data); err != nil {
		return err
	}
	return errors.Join(f.Chmod(perm), f.Sync(), f.Close())
}

// Create makes an empty file with the mode of its folder.
func Create(dir, name string) (*os.File, error) {
	perm, err := shared(dir, 0o644)
	if err != nil {
		return nil, err
	}
	f, err := os.Create(filepath.Join(dir, name))
	if err != nil {
		return nil, err
	}
	return f, f.Chmod(perm)
}

// Share gives a file the mode of its folder.
func Share(dir, name string) error {
	perm, err := shared(dir, 0o644)
	if err != nil {
		return err
	}
	path := filepath.Join(dir, name)
	info, err := os.Lstat(path)
	if err != nil || info.Mode().Perm()&^0o111 == perm {
		return err
	}
	return os.Chmod(path, perm|info.Mode().Perm()&0o100)
}

// shared is the mode of a file in a folder: private where perm says so, else that of
// the folder, without the right to search it.
func shared(dir string, perm fs.FileMode) (fs.FileMode, error) {
	if perm&0o077 == 0 {
		return perm, nil
	}
	info, err := os.Stat(dir)
	if err != nil {
		return 0, err
	}
	return info.Mode().Perm() & (0o666 | perm&0o111), nil
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
