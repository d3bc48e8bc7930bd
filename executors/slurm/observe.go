package slurm

import (
	"context"
	"crypto/sha256"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/llmbench/llmbench/plan"
	"github.com/llmbench/llmbench/schema/regular"
)

// Observe finds the content behind the names of a run from this host, as the
// job script does on a node: what lies beside the image and tells it apart, and a
// digest of the checkpoint. What is not to be seen from here is left out.
func (c *Config) Observe(run *plan.Run) plan.Observation {
	out := plan.Observation{}
	if image := c.ImageFile(run.Image.Name); image != "" {
		if b, err := regular.Read(image+".sha256", regular.MaxText); err == nil && len(b) >= sha256.Size*2 {
			out["image_sha256"] = string(b[:sha256.Size*2])
		}
		if b, err := regular.Read(image+".digest", regular.MaxText); err == nil && len(b) > 0 {
			out["image_digest"] = strings.Join(strings.Fields(string(b)), " ")
		}
		if info, err := os.Stat(image); err == nil && info.Mode().IsRegular() {
			if told := ask(imageIdentity, "image="+image); told != "" {
				out["image_file"] = told
			}
		}
	}
	if run.Model.Path != nil {
		if sum := digestOf(*run.Model.Path); sum != "" {
			out["checkpoint_sha256"] = sum
		}
	}
	return out
}

// checkpointDigest is the shell text that prints the SHA-256 of a checkpoint's
// configuration and index, and of the names and sizes of its shards, in the folder
// $weights: the weights themselves take minutes. Jobs run it too.
const checkpointDigest = `cd "$weights" && { cat config.json hf_quant_config.json ./*.index.json; stat -Lc '%n %s' ./*.safetensors; } | sha256sum | cut -c1-64`

// imageIdentity is the shell text that prints what tells the image $image from others:
// its size, and the SHA-256 of its superblock, which has the time when it was made and
// the number of its files. The image itself takes minutes.
const imageIdentity = `echo "$(stat -Lc %s "$image") $(head -c 96 "$image" | sha256sum | cut -c1-64)"`

// digestTime bounds what a file system that does not answer may cost.
const digestTime = 30 * time.Second

// digestOf is the digest of the checkpoint in dir, "" for a folder that cannot be seen
// from here or holds no checkpoint.
func digestOf(dir string) string {
	if info, err := os.Stat(filepath.Join(dir, "config.json")); err != nil || !info.Mode().IsRegular() {
		return ""
	}
	return ask(checkpointDigest, "weights="+dir)
}

// ask is what a shell text prints with a variable set, "" where it does not answer.
func ask(text, variable string) string {
	ctx, cancel := context.WithTimeout(context.Background(), digestTime)
	defer cancel()
	cmd := exec.CommandContext(ctx, "bash", "-c", text)
	cmd.Env = append(os.Environ(), "LC_ALL=C", variable)
	out, err := cmd.Output()
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(out))
}
