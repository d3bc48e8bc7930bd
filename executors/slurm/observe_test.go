package slurm

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/llmbench/llmbench/plan"
)

func TestObserve(t *testing.T) {
	dir := t.TempDir()
	run := &plan.Run{Image: plan.Image{Name: "nvcr.io/nvidia/tensorrt-llm/release:1.0.0"}, Model: plan.Model{Path: &dir}}
	c := &Config{Container: &Container{ImageDir: dir}}
	if got := c.Observe(run); len(got) != 0 {
		t.Errorf("of nothing: %v", got)
	}
	sum := strings.Repeat("ab", 32)
	for name, text := range map[string]string{imageFile(run.Image.Name) + ".sha256": sum + "  image.sqsh\n", "config.json": "{}", "a.safetensors": "123"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	image := filepath.Join(dir, imageFile(run.Image.Name))
	for name, text := range map[string]string{image: strings.Repeat("s", 96) + "files", image + ".digest": "sha256:aa\nsha256:bb\n"} {
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	first := c.Observe(run)
	if first["image_sha256"] != sum || len(first["checkpoint_sha256"]) != 64 || first["image_digest"] != "sha256:aa sha256:bb" || !strings.HasPrefix(first["image_file"], "101 ") {
		t.Errorf("%v", first)
	}
	for _, text := range []string{strings.Repeat("s", 96) + "filesandmore", strings.Repeat("t", 96) + "files"} {
		if err := os.WriteFile(image, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if again := c.Observe(run); again["image_file"] == first["image_file"] || again["image_file"] == "" {
			t.Errorf("another image is the same file: %v", again)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "a.safetensors"), []byte("1234"), 0o644); err != nil {
		t.Fatal(err)
	}
	if again := c.Observe(run); again["checkpoint_sha256"] == first["checkpoint_sha256"] {
		t.Error("a shard of another size is the same checkpoint")
	}
}
