package prepare

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os/exec"
	"regexp"
	"strings"
	"time"

	"github.com/llmbench/llmbench/executors"
	"github.com/llmbench/llmbench/schema/catalog"
	"github.com/llmbench/llmbench/schema/regular"
)

// An Image is a container image as a file that nodes start containers from.
type Image struct {
	// Name is the reference with its tag, Digest "sha256:…" or "" where it is not
	// pinned, Version what the definitions say is inside.
	Name, Digest, Version string
	// Arch is the architecture of the nodes' processors as uname names it: x86_64
	// or aarch64. The host that imports may have another.
	Arch string
	// File is where the image lies.
	File string
}

// Beside an image lie the registry's digest of what was imported, and the
// SHA-256 of the file itself in sha256sum's form.
const (
	digestSuffix = ".digest"
	sumSuffix    = ".sha256"
)

// Verify holds the file against itself and against what is declared, and returns
// what it found: one check that all is well, or one a defect.
func (i Image) Verify(ctx context.Context) []executors.Check {
	bytes, err := checkSquashfs(i.File)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return i.fail(fetchRemedy, "%s is not there", i.Name)
	case errors.Is(err, fs.ErrPermission):
		return i.fail("let this user read the file", "%v", err)
	case err != nil:
		return i.fail(fetchRemedy, "%v", err)
	}
	if defects := append(i.checkDigest(), i.checkInside(ctx, i.File)...); len(defects) > 0 {
		return defects
	}
	detail := size(bytes)
	if d := i.recorded(); d != "" {
		detail += ", digest " + d[:min(19, len(d))]
	}
	return []executors.Check{i.check(executors.CheckOK, "", "%s", detail)}
}

func (i Image) check(result, remedy, format string, args ...any) executors.Check {
	return executors.Check{Name: "image", Result: result, Detail: i.File + ": " + fmt.Sprintf(format, args...), Remedy: remedy}
}

func (i Image) fail(remedy, format string, args ...any) []executors.Check {
	return []executors.Check{i.check(executors.CheckFail, remedy, format, args...)}
}

// recorded is the registry's digest that was noted at the import, "" for none.
func (i Image) recorded() string {
	b, _ := regular.Read(i.File+digestSuffix, regular.MaxText)
	return strings.TrimSpace(string(b))
}

// checkDigest holds the recorded digest against a pinned one. A registry gives
// a digest to the image of each architecture and one to their list; the record
// has both.
func (i Image) checkDigest() []executors.Check {
	switch have := i.recorded(); {
	case i.Digest == "" || strings.Contains(have, i.Digest):
		return nil
	case have == "":
		return i.fail("remove the file, and `llmbench prepare` imports it again",
			"%s is pinned to %.19s, and no digest was recorded when this file was imported", i.Name, i.Digest)
	default:
		return i.fail("remove the file, and `llmbench prepare` imports the other; or pin what is here",
			"%s is pinned to %.19s, and this file is of %.19s", i.Name, i.Digest, have)
	}
}

// checkInside holds what is in the image, which lies at file, against what is declared,
// as far as it can be read.
func (i Image) checkInside(ctx context.Context, file string) []executors.Check {
	if arch := archInside(ctx, file); arch != "" && i.Arch != "" && arch != i.Arch {
		return i.fail("remove the file, and `llmbench prepare` imports it for the nodes", "is for %s, and the nodes are %s", arch, i.Arch)
	}
	version := versionInside(ctx, file)
	if version == "" || catalog.SameVersion(version, i.Name, i.Version) {
		return nil
	}
	return i.fail("correct trtllm_version, or import the image again", "holds TensorRT-LLM %s, and the definition says %s", version, i.Version)
}

// A squashfs file begins with a superblock, which mksquashfs writes last: a file
// that was not finished has none, and one that was cut is shorter than the
// superblock's count of bytes.
const (
	superblockBytes = 96
	squashfsMagic   = 0x73717368 // "hsqs"
	bytesUsedAt     = 40
)

// checkSquashfs refuses a file that is no squashfs or not whole, and returns its
// size in bytes.
func checkSquashfs(path string) (int64, error) {
	f, err := regular.Open(path)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	var head [superblockBytes]byte
	if _, err := f.ReadAt(head[:], 0); err != nil {
		if errors.Is(err, io.EOF) {
			return 0, fmt.Errorf("is incomplete: it has %d bytes", info.Size())
		}
		return 0, err
	}
	switch magic := binary.LittleEndian.Uint32(head[:]); {
	case magic == 0:
		return 0, errors.New("is incomplete: its superblock, which is written last, is empty")
	case magic != squashfsMagic:
		return 0, errors.New("is not a squashfs image")
	}
	if used := binary.LittleEndian.Uint64(head[bytesUsedAt:]); used > uint64(info.Size()) {
		return 0, fmt.Errorf("is truncated: its superblock counts %d bytes, and it has %d", used, info.Size())
	}
	return info.Size(), nil
}

// lookTimeout is how long a look into an image may take.
const lookTimeout = 30 * time.Second

// look runs unsquashfs on an image and returns its output; nil where there is
// no such command or it does not answer.
func look(ctx context.Context, args ...string) []byte {
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, "unsquashfs", args...)
	cmd.WaitDelay = time.Second
	out, err := cmd.Output()
	if err != nil {
		return nil
	}
	return out
}

// installed matches the folder in which Python notes an installed TensorRT-LLM.
var installed = regexp.MustCompile(`/tensorrt_llm-([0-9][^/\s]*)\.dist-info`)

// versionInside is the version of TensorRT-LLM in an image, "" where it cannot
// be read.
func versionInside(ctx context.Context, file string) string {
	out := look(ctx, "-l", file, "usr/local/lib/python3*/dist-packages/tensorrt_llm-*.dist-info")
	if m := installed.FindSubmatch(out); m != nil {
		return string(m[1])
	}
	return ""
}

// machines are the architectures of ELF files, as uname names them.
var machines = map[uint16]string{0x3e: "x86_64", 0xb7: "aarch64"}

// archInside is the architecture of an image by its shell, "" where it cannot be
// read.
func archInside(ctx context.Context, file string) string {
	const machineAt = 18
	out := look(ctx, "-cat", file, "usr/bin/bash")
	if len(out) < machineAt+2 || string(out[:4]) != "\x7fELF" {
		return ""
	}
	return machines[binary.LittleEndian.Uint16(out[machineAt:])]
}
