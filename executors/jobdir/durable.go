package jobdir

import (
	"crypto/sha256"
	"encoding/hex"
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
	f, err := CreateTemp(dir, name)
	if err != nil {
		return err
	}
	err = write(f)
	if err == nil {
		err = errors.Join(f.Chmod(perm), f.Sync())
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), filepath.Join(dir, name))
	}
	if err != nil {
		os.Remove(f.Name())
	}
	return err
}

// CreateTemp makes a private file in dir for what is to be called name. Its own name
// tells which process writes it, so that Sweep finds it when that is gone.
func CreateTemp(dir, name string) (*os.File, error) {
	return os.CreateTemp(dir, fmt.Sprintf(".%s~%s~%d~*.tmp", name, pidSpace(), os.Getpid()))
}

// WriteTemp writes a file that can be linked into place as name, and returns its path.
// The caller removes it.
func WriteTemp(dir, name string, data []byte, perm fs.FileMode) (string, error) {
	f, err := CreateTemp(dir, name)
	if err != nil {
		return "", err
	}
	f.Close()
	if err := WriteFile(dir, filepath.Base(f.Name()), data, perm); err != nil {
		os.Remove(f.Name())
		return "", err
	}
	return f.Name(), nil
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
		g.Go(func() error { return fillFile(filepath.Join(dir, f.Name), f.Data, f.Perm, private) })
	}
	return sums, g.Wait()
}

// SumOf is the size and checksum of data.
func SumOf(data []byte) Sum {
	sum := sha256.Sum256(data)
	return Sum{Bytes: int64(len(data)), SHA256: hex.EncodeToString(sum[:])}
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
	return Sum{Bytes: n, SHA256: hex.EncodeToString(h.Sum(nil))}, err
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

func fillFile(path string, data []byte, perm fs.FileMode, sync bool) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, perm)
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := f.Write(data); err != nil {
		return err
	}
	err = f.Chmod(perm)
	if sync {
		err = errors.Join(err, f.Sync())
	}
	return errors.Join(err, f.Close())
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
