package prepare_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/llmbench/llmbench/executors/prepare"
	"github.com/llmbench/llmbench/executors/prepare/preparetest"
)

const (
	digest = "sha256:1111111111111111111111111111111111111111111111111111111111111111"
	other  = "sha256:2222222222222222222222222222222222222222222222222222222222222222"
)

func image(dir string) prepare.Image {
	return prepare.Image{
		Name: "nvcr.io/nvidia/tensorrt-llm/release:1.0.0rc1", Version: "1.0.0rc1", Arch: "aarch64",
		File: filepath.Join(dir, "tensorrt-llm+release+1.0.0rc1.sqsh"),
	}
}

func TestImageDefects(t *testing.T) {
	for name, test := range map[string]struct {
		plant  func(file string) error
		digest string
		want   string
	}{
		"whole":     {nil, "", "ok 1.0 MiB\n"},
		"missing":   {os.Remove, "", "fail nvcr.io/nvidia/tensorrt-llm/release:1.0.0rc1 is not there\n"},
		"truncated": {func(f string) error { return os.Truncate(f, 1000) }, "", "fail is truncated: its superblock counts 1048576 bytes, and it has 1000\n"},
		"stub":      {func(f string) error { return os.Truncate(f, 10) }, "", "fail is incomplete: it has 10 bytes\n"},
		"half-written": {func(f string) error { return os.WriteFile(f, make([]byte, 5000), 0o644) }, "",
			"fail is incomplete: its superblock, which is written last, is empty\n"},
		"a web page": {func(f string) error { return os.WriteFile(f, []byte(strings.Repeat("<html>", 100)), 0o644) }, "", "fail is not a squashfs image\n"},
		"pinned, as recorded": {func(f string) error { return os.WriteFile(f+".digest", []byte(digest+"\n"), 0o644) }, digest,
			"ok 1.0 MiB, digest sha256:111111111111\n"},
		"pinned, another recorded": {func(f string) error { return os.WriteFile(f+".digest", []byte(other+"\n"), 0o644) }, digest,
			"fail nvcr.io/nvidia/tensorrt-llm/release:1.0.0rc1 is pinned to sha256:111111111111, and this file is of sha256:222222222222\n"},
		"pinned, nothing recorded": {nil, digest, "fail nvcr.io/nvidia/tensorrt-llm/release:1.0.0rc1 is pinned to sha256:111111111111, and no digest was recorded when this file was imported\n"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			i := image(dir)
			i.Digest = test.digest
			if err := preparetest.WriteImage(i.File, 1<<20); err != nil {
				t.Fatal(err)
			}
			if test.plant != nil {
				if err := test.plant(i.File); err != nil {
					t.Fatal(err)
				}
			}
			if got := lines(i.File, i.Verify(t.Context())); got != test.want {
				t.Errorf("got  %swant %s", got, test.want)
			}
		})
	}
}

// What is inside is read from a real squashfs.
func TestImageInside(t *testing.T) {
	if _, err := exec.LookPath("mksquashfs"); err != nil {
		t.Skip("mksquashfs is not installed")
	}
	root := t.TempDir()
	elf := append([]byte("\x7fELF"), make([]byte, 60)...)
	elf[18] = 0xb7 // aarch64
	for name, content := range map[string][]byte{
		"usr/bin/bash": elf,
		"usr/local/lib/python3.12/dist-packages/tensorrt_llm-1.0.0rc1.dist-info/METADATA": nil,
	} {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, content, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	i := image(t.TempDir())
	if out, err := exec.Command("mksquashfs", root, i.File, "-quiet", "-no-progress").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if got := lines(i.File, i.Verify(t.Context())); !strings.HasPrefix(got, "ok ") {
		t.Error(got)
	}
	i.Name, i.Version = "nvcr.io/x:1.0.0rc4", "1.0.0rc4"
	if got := lines(i.File, i.Verify(t.Context())); got != "fail holds TensorRT-LLM 1.0.0rc1, and the definition says 1.0.0rc4\n" {
		t.Error(got)
	}
	i.Arch = "x86_64"
	if got := lines(i.File, i.Verify(t.Context())); got != "fail is for aarch64, and the nodes are x86_64\n" {
		t.Error(got)
	}
}
