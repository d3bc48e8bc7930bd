package slurm

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/llmbench/llmbench/plan"
	"github.com/llmbench/llmbench/schema/regular"
)

// Observe finds the content behind the names of a run from this host, as the
// job script does on a node: the image's SHA-256 that lies beside it, and a
// digest of the checkpoint. What is not to be seen from here is left out.
func (c *Config) Observe(run *plan.Run) plan.Observation {
	out := plan.Observation{}
	if c.Container != nil {
		if b, err := regular.Read((&target{c}).image(run)+".sha256", regular.MaxText); err == nil && len(b) >= sha256.Size*2 {
			out["image_sha256"] = string(b[:sha256.Size*2])
		}
	}
	if run.Model.Path != nil {
		if sum, ok := checkpointDigest(*run.Model.Path); ok {
			out["checkpoint_sha256"] = sum
		}
	}
	return out
}

// checkpointDigest is the SHA-256 of a checkpoint's configuration and index, and
// of the names and sizes of its shards: the weights themselves take minutes.
// false is for a folder that is not to be seen, or no checkpoint.
func checkpointDigest(dir string) (string, bool) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return "", false
	}
	files := []string{"config.json", "hf_quant_config.json"}
	var shards []string
	for _, e := range entries {
		switch name := e.Name(); {
		case strings.HasPrefix(name, "."):
		case strings.HasSuffix(name, ".index.json"):
			files = append(files, name)
		case strings.HasSuffix(name, ".safetensors"):
			shards = append(shards, name)
		}
	}
	h := sha256.New()
	for _, name := range files {
		b, err := regular.Read(filepath.Join(dir, name), regular.MaxText)
		if err != nil && name == files[0] {
			return "", false
		}
		h.Write(b)
	}
	slices.Sort(shards)
	for _, name := range shards {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			return "", false
		}
		fmt.Fprintf(h, "./%s %d\n", name, info.Size())
	}
	return hex.EncodeToString(h.Sum(nil)), true
}
