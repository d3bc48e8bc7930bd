package preparetest

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// What the stand-ins do is asked of them by variables: STANDIN_LOG is the file
// that they note each start in, STANDIN_MODE one of the modes, STANDIN_PACE the
// time that a piece takes.
const (
	logVar  = "STANDIN_LOG"
	modeVar = "STANDIN_MODE"
	paceVar = "STANDIN_PACE"
)

// The modes: a stand-in works, fails with words of its own, does nothing for
// ever, or dies in the middle of each piece of work. Those that end in -once do
// so the first time only.
const (
	Fails     = "fail"
	StallOnce = "stall-once"
	DieOnce   = "die-once"
)

// HF stands in for the hf command: hf download REPO --local-dir DIR [--revision
// R] fetches the small Maverick as hf does, piece by piece into unfinished files
// that the next start takes up.
func HF() int {
	if len(os.Args) < 5 || os.Args[1] != "download" || os.Args[3] != "--local-dir" {
		return fail("usage: hf download REPO --local-dir DIR [--revision R]")
	}
	dir := os.Args[4]
	done, err := start(dir)
	if err != nil {
		return fail(err.Error())
	}
	defer done()
	if behave("hf") {
		return fail("httpx.ReadTimeout: The read operation timed out for " + os.Getenv("HF_TOKEN"))
	}
	c := Small()
	for name, content := range c.texts() {
		if err := fetch(dir, name, []byte(content)); err != nil {
			return fail(err.Error())
		}
	}
	for i := 1; i <= c.Shards; i++ {
		content := append(c.header(i), make([]byte, c.tensorBytes()*int64(c.Tensors))...)
		if err := fetch(dir, c.ShardName(i), content); err != nil {
			return fail(err.Error())
		}
	}
	fmt.Println(dir)
	return 0
}

// fetch writes a file in two halves, as hf does: what it cannot finish it
// leaves, and takes up.
func fetch(dir, name string, content []byte) error {
	path := filepath.Join(dir, name)
	note := filepath.Join(dir, ".cache", "huggingface", "download", name+".metadata")
	_, noted := os.Stat(note)
	if _, err := os.Stat(path); err == nil && noted == nil {
		return nil
	}
	part := strings.TrimSuffix(note, ".metadata") + ".incomplete"
	if err := os.MkdirAll(filepath.Dir(part), 0o755); err != nil {
		return err
	}
	have, err := os.ReadFile(part)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if len(have) < len(content)/2 {
		if err := os.WriteFile(part, content[:len(content)/2], 0o644); err != nil {
			return err
		}
		pace()
	}
	if err := os.WriteFile(part, content, 0o644); err != nil {
		return err
	}
	if err := os.Rename(part, path); err != nil {
		return err
	}
	return os.WriteFile(note, []byte(strings.Repeat("a", 40)+"\n"+strings.Repeat("b", 40)+"\n1.0\n"), 0o644)
}

func pace() {
	if d, err := time.ParseDuration(os.Getenv(paceVar)); err == nil {
		time.Sleep(d)
	}
}

// start notes the start, and fails where another stand-in is at work on the same
// thing: that is what locks are for.
func start(path string) (done func(), err error) {
	sign := path + atWork
	if AtWork(sign) {
		note("OVERLAP")
		return nil, fmt.Errorf("another is at work on %s", path)
	}
	token := "no token"
	if os.Getenv("HF_TOKEN") != "" {
		token = "a token"
	}
	note(strings.Join(slices.Concat([]string{filepath.Base(os.Args[0])}, os.Args[1:]), " ") + " (" + token + ")")
	return func() { os.Remove(sign) }, os.WriteFile(sign, []byte(strconv.Itoa(os.Getpid())), 0o644)
}

// atWork ends the name of the sign that a stand-in sets while it is at work.
const atWork = ".standin-at-work"

// AtWork reports whether the stand-in that set a sign, PATH.standin-at-work, is at
// work: one that was killed leaves its sign behind.
func AtWork(sign string) bool {
	b, err := os.ReadFile(sign)
	if err != nil {
		return false
	}
	pid, err := strconv.Atoi(string(b))
	return err == nil && alive(pid)
}

// alive reports whether a process still does something: one that is dead, ends,
// or has been sent SIGKILL does not.
func alive(pid int) bool {
	dir := "/proc/" + strconv.Itoa(pid)
	stat, err := os.ReadFile(dir + "/stat")
	fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
	if err != nil || len(fields) < 7 || fields[0] == "Z" || fields[0] == "X" {
		return false
	}
	const ending = 0x4 // PF_EXITING
	if flags, err := strconv.ParseUint(fields[6], 10, 64); err == nil && flags&ending != 0 {
		return false
	}
	status, _ := os.ReadFile(dir + "/status")
	for line := range strings.Lines(string(status)) {
		name, mask, _ := strings.Cut(strings.TrimSpace(line), ":\t")
		if name != "SigPnd" && name != "ShdPnd" {
			continue
		}
		if set, err := strconv.ParseUint(mask, 16, 64); err == nil && set&(1<<(syscall.SIGKILL-1)) != 0 {
			return false
		}
	}
	return true
}

func note(line string) {
	path := os.Getenv(logVar)
	if path == "" {
		return
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return
	}
	defer f.Close()
	fmt.Fprintln(f, line)
}

// behave does what the mode asks, and reports whether to fail.
func behave(name string) bool {
	mode, once := strings.CutSuffix(os.Getenv(modeVar), "-once")
	if once {
		mark := os.Getenv(logVar) + "." + name + "-did"
		if _, err := os.Stat(mark); err == nil {
			return false
		}
		if os.WriteFile(mark, nil, 0o644) != nil {
			return true
		}
	}
	switch mode {
	case Fails:
		return true
	case "stall":
		time.Sleep(time.Hour)
	case "die":
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	}
	return false
}

func fail(words string) int {
	fmt.Fprintln(os.Stderr, words)
	return 1
}

// WriteImage makes a file that looks like a whole squashfs image of so many
// bytes.
func WriteImage(path string, bytes int64) error {
	head := make([]byte, 96)
	copy(head, "hsqs")
	binary.LittleEndian.PutUint64(head[40:], uint64(bytes))
	if err := os.WriteFile(path, head, 0o644); err != nil {
		return err
	}
	return os.Truncate(path, bytes)
}

// Enroot stands in for enroot: enroot import -a ARCH -o FILE URI writes an image
// as mksquashfs does, its superblock last.
func Enroot() int {
	if len(os.Args) != 7 || os.Args[1] != "import" || os.Args[2] != "-a" || os.Args[4] != "-o" {
		return fail("usage: enroot import -a ARCH -o FILE URI")
	}
	file := os.Args[5]
	if _, err := os.Stat(file); err == nil {
		return fail("[ERROR] File already exists: " + file)
	}
	done, err := start(file)
	if err != nil {
		return fail(err.Error())
	}
	defer done()
	f, err := os.Create(file)
	if err != nil {
		return fail(err.Error())
	}
	defer f.Close()
	const bytes = 1 << 20
	for n := range 4 {
		if _, err := f.Write(make([]byte, bytes/4)); err != nil {
			return fail(err.Error())
		}
		if n == 1 && behave("enroot") {
			return fail("[ERROR] Could not process JSON input")
		}
		pace()
	}
	if err := WriteImage(file, bytes); err != nil {
		return fail(err.Error())
	}
	return 0
}
