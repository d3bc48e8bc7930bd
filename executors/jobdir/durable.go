package jobdir

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/google/renameio/v2"
	"github.com/llmbench/llmbench/schema/regular"
	"golang.org/x/sync/errgroup"
)

// WriteFile puts a file in place whole or not at all. Its name is durable only
// once SyncDir has returned. A file that is not for its owner alone gets the mode of
// the folder: whoever may read or write there may do so with it, whatever the umask.
func WriteFile(dir, name string, data []byte, perm fs.FileMode) error {
	return WriteTo(dir, name, content(data), perm)
}

func content(data []byte) func(io.Writer) error {
	return func(w io.Writer) error {
		_, err := w.Write(data)
		return err
	}
}

// WriteTo is WriteFile for what is written piece by piece.
func WriteTo(dir, name string, write func(io.Writer) error, perm fs.FileMode) error {
	temp, err := writeTemp(dir, name, write, perm)
	if err == nil {
		err = os.Rename(temp, filepath.Join(dir, name))
	}
	if err != nil {
		os.Remove(temp)
	}
	return err
}

// CreateTemp makes a private file in dir for what is to be called name. Its own name
// tells which process writes it, so that Sweep finds it when that is gone.
func CreateTemp(dir, name string) (*os.File, error) {
	return os.CreateTemp(dir, fmt.Sprintf(".%s~%s~%d~*.tmp", name, pidSpace(), os.Getpid()))
}

// writeTemp writes and syncs what is to be called name, and returns its path, "" for none.
func writeTemp(dir, name string, write func(io.Writer) error, perm fs.FileMode) (string, error) {
	perm, err := shared(dir, perm)
	if err != nil {
		return "", err
	}
	f, err := CreateTemp(dir, name)
	if err != nil {
		return "", err
	}
	if err = write(f); err == nil {
		err = errors.Join(f.Chmod(perm), f.Sync())
	}
	return f.Name(), errors.Join(err, f.Close())
}

// WriteNew writes a file that is not there yet, and reports whether it did. link is
// os.Link, or what stands for it: by link(2) the file is whole as soon as it can be seen.
// Where there are no links, win wins the right to write it, or returns fs.ErrExist.
func WriteNew(dir, name string, data []byte, link func(from, to string) error, win func() error) (bool, error) {
	temp, err := writeTemp(dir, name, content(data), 0o644)
	defer os.Remove(temp)
	if err != nil {
		return false, err
	}
	at := filepath.Join(dir, name)
	err = link(temp, at)
	switch {
	case err == nil:
		return true, SyncDir(dir)
	case errors.Is(err, fs.ErrExist):
		mine, errMine := os.Stat(temp)
		there, errThere := os.Stat(at)
		// NFS may repeat its answer to a link that was made.
		return errMine == nil && errThere == nil && os.SameFile(mine, there), nil
	case !unsupported(err) && !errors.Is(err, fs.ErrPermission):
		return false, err
	}
	if err := win(); errors.Is(err, fs.ErrExist) {
		return false, nil
	} else if err != nil {
		return false, err
	}
	return true, WriteFile(dir, name, data, 0o644)
}

// PIDSpace tells where process IDs are counted: another host may have the same name, and
// this one counts anew after each boot. What is not known is "".
func PIDSpace() (host, namespace, boot string) {
	host, _ = os.Hostname()
	namespace, _ = os.Readlink("/proc/self/ns/pid")
	id, _ := os.ReadFile("/proc/sys/kernel/random/boot_id")
	return host, namespace, strings.TrimSpace(string(id))
}

// pidSpace is PIDSpace in few characters.
var pidSpace = sync.OnceValue(func() string {
	host, namespace, boot := PIDSpace()
	return SumOf(fmt.Appendf(nil, "%s\x00%s\x00%s", host, namespace, boot)).SHA256[:12]
})

// temporary are the names of files that are being written, by llmbench and by the
// scripts of jobs, and of what was about to be removed.
var temporary = regexp.MustCompile(`^\.(.*\.tmp|.*[0-9]{5,}|lease\.[0-9a-f]{16}|redacted|pruned-.*)$`)

// Temporary reports whether name is that of a file in the making. known says that its
// writer was a process that can be seen from here, lives that it still runs.
func Temporary(name string) (is, known, lives bool) {
	if parts := strings.Split(name, "~"); len(parts) >= 4 && parts[len(parts)-3] == pidSpace() {
		pid, err := strconv.Atoi(parts[len(parts)-2])
		known = err == nil && pid > 0
		lives = known && !errors.Is(syscall.Kill(pid, 0), syscall.ESRCH)
	}
	return temporary.MatchString(name), known, lives
}

// abandonedAfter is the age at which a temporary file is given up whose writer may run
// on another host. Nobody writes to one for so long.
const abandonedAfter = 24 * time.Hour

// Sweep removes the temporary files from folders whose writers were killed. It is a
// courtesy: failures are ignored.
func Sweep(dirs ...string) {
	for _, dir := range dirs {
		entries, _ := os.ReadDir(dir)
		for _, e := range entries {
			is, known, lives := Temporary(e.Name())
			if !is || lives || e.IsDir() {
				continue
			}
			if info, err := e.Info(); err == nil && (known || time.Since(info.ModTime()) > abandonedAfter) {
				os.Remove(filepath.Join(dir, e.Name()))
			}
		}
	}
}

// A File is a file to be written, with its content and its mode.
type File struct {
	Name string
	Data []byte
	Perm fs.FileMode
}

// FillFiles writes files into a folder that nobody reads before its intent is there,
// and returns what that is to list: a crash of the host may tear them, so whoever uses
// them holds them against the list. Only private files are synced, and not listed: a
// checksum can tell what is in them.
func FillFiles(dir string, files []File) (map[string]Sum, error) {
	mode, err := shared(dir, 0o777)
	if err != nil {
		return nil, err
	}
	sums := map[string]Sum{}
	var g errgroup.Group
	for _, f := range files {
		private := f.Perm&0o077 == 0
		if !private {
			sums[f.Name], f.Perm = SumOf(f.Data), mode&(0o666|f.Perm)
		}
		g.Go(func() error {
			if private {
				return WriteFile(dir, f.Name, f.Data, f.Perm)
			}
			path := filepath.Join(dir, f.Name)
			return errors.Join(os.WriteFile(path, f.Data, f.Perm), os.Chmod(path, f.Perm))
		})
	}
	return sums, g.Wait()
}

// SumOf is the size and checksum of data.
func SumOf(data []byte) Sum {
	sum := sha256.Sum256(data)
	return Sum{Bytes: int64(len(data)), SHA256: fmt.Sprintf("%x", sum)}
}

// SumFile is the Sum of a regular file, which is not read into memory.
func SumFile(path string) (Sum, error) {
	f, err := regular.Open(path)
	if err != nil {
		return Sum{}, err
	}
	defer f.Close()
	h := sha256.New()
	n, err := io.Copy(h, f)
	return Sum{Bytes: n, SHA256: fmt.Sprintf("%x", h.Sum(nil))}, err
}

// Torn names a file of the folder that is not what a list of FillFiles says, "" for none.
func (f Folder) Torn(files map[string]Sum) (string, error) {
	for _, name := range slices.Sorted(maps.Keys(files)) {
		data, err := ReadFile(filepath.Join(f.Dir, name))
		if err != nil || data == nil || SumOf(data) != files[name] {
			return name, err
		}
	}
	return "", nil
}

// Create makes an empty file with the mode of its folder.
func Create(dir, name string) (*os.File, error) {
	f, err := os.Create(filepath.Join(dir, name))
	if err != nil {
		return nil, err
	}
	return f, Share(dir, name)
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
func Symlink(file, path string) error {
	err := os.Symlink(file, path)
	if errors.Is(err, fs.ErrExist) {
		return renameio.Symlink(file, path)
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

// SyncDir makes the names in folders durable, side by side. File systems that cannot sync
// a folder do so by themselves.
func SyncDir(dirs ...string) error {
	var g errgroup.Group
	for _, dir := range dirs {
		g.Go(func() error {
			d, err := os.Open(dir)
			if err != nil {
				return err
			}
			defer d.Close()
			if err := d.Sync(); err != nil && !unsupported(err) {
				return err
			}
			return nil
		})
	}
	return g.Wait()
}

// unsupported reports whether a file system said that it has no such operation.
func unsupported(err error) bool {
	return errors.Is(err, errors.ErrUnsupported) || errors.Is(err, syscall.EINVAL)
}
