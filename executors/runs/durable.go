package runs

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/google/renameio/v2"
)

// writeFile puts a file in place whole or not at all. Its name is durable only
// once syncDir has returned.
func writeFile(dir, name string, data []byte, perm fs.FileMode) error {
	f, err := renameio.NewPendingFile(filepath.Join(dir, name), renameio.WithTempDir(dir), renameio.WithPermissions(perm))
	if err != nil {
		return err
	}
	defer f.Cleanup()
	if _, err := f.Write(data); err != nil {
		return err
	}
	return f.CloseAtomicallyReplace()
}

// replaceFile is writeFile with a durable name.
func replaceFile(dir, name string, data []byte, perm fs.FileMode) error {
	if err := writeFile(dir, name, data, perm); err != nil {
		return err
	}
	return syncDir(dir)
}

// writeOnce is replaceFile for a file that is left as it is when it exists.
func writeOnce(dir, name string, data []byte, perm fs.FileMode) error {
	if _, err := os.Lstat(filepath.Join(dir, name)); err == nil {
		return nil
	}
	return replaceFile(dir, name, data, perm)
}

// syncDir makes the names in a folder durable. File systems that cannot sync a
// folder do so by themselves.
func syncDir(dir string) error {
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
