package prepare

import (
	"context"
	"encoding/binary"
	"os/exec"
	"regexp"
	"time"
)

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
