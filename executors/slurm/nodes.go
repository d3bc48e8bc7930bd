package slurm

import (
	"context"
	"crypto/sha256"
	_ "embed"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/llmbench/llmbench/executors"
	"github.com/llmbench/llmbench/executors/jobdir"
	"github.com/llmbench/llmbench/executors/results"
	"github.com/llmbench/llmbench/plan"
	"github.com/llmbench/llmbench/schema/regular"
)

//go:embed nodes.sh
var nodesTemplate string

// lookSeconds bounds the job; it takes a minute where a container starts as fast
// as it should.
const lookSeconds = 300

// writeMiB is how much each node writes into the store.
const writeMiB = 64

// CheckNodes implements executors.Scheduler.
func (c *Config) CheckNodes(ctx context.Context, n executors.NodeCheck, say executors.Say) ([]executors.Check, error) {
	a, nonce, err := c.lookJob(n, say)
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(n.Dir)
	if err := c.look(ctx, a, n.Run.Hardware); err != nil {
		return nil, err
	}
	facts, err := regular.Read(filepath.Join(n.Dir, "facts"), regular.MaxText)
	if err != nil {
		return nil, err
	}
	words, _ := regular.Read(filepath.Join(n.Dir, "errors"), regular.MaxText)
	return c.judge(n, nonce, parseFacts(string(facts)), strings.TrimSpace(string(words))), nil
}

// look runs the script as a job, or in the allocation that there is.
func (c *Config) look(ctx context.Context, a *auxiliary, h plan.Hardware) error {
	if c.InAllocation {
		return a.here(ctx)
	}
	id, err := a.submit(ctx)
	if err == nil {
		a.say("job %s checks %d nodes of %d GPUs", executors.JobID(id), h.Nodes, h.GPUsPerNode)
		err = a.follow(ctx, id, func() {})
	}
	if err != nil && !errors.Is(err, executors.ErrRejected) || a.unsure {
		a.stop()
	}
	return err
}

// lookJob writes the folder of the job.
func (c *Config) lookJob(n executors.NodeCheck, say executors.Say) (*auxiliary, string, error) {
	nonce := jobdir.NewNonce()
	if err := jobdir.WriteFile(n.Dir, "nonce", []byte(nonce), 0o644); err != nil {
		return nil, "", err
	}
	name := namePrefix + "doctor-" + nonce[:8]
	a := c.auxiliary(name, n.Dir, c.options(n.Run, name, lookSeconds), say)
	return a, nonce, a.write(c.lookScript(n), nonce)
}

func (c *Config) lookScript(n executors.NodeCheck) string {
	h := n.Run.Hardware
	step := append([]string{"srun"}, onEach(h.Nodes)...)
	if c.GPUsPerNodeFlag {
		step = append(step, fmt.Sprintf("--gpus-per-node=%d", h.GPUsPerNode))
	}
	image := c.ImageFile(n.Run.Image.Name)
	paths := slices.Concat(n.Weights, n.Files)
	start, driver, engine := "", "", ""
	if n.Shared && !c.simulated() {
		driver = engineDriver
	}
	if image == "" {
		engine = "; engine"
	}
	if image != "" && !c.simulated() {
		paths = append(paths, image)
		for _, m := range c.Container.Mounts {
			from, _, _ := strings.Cut(m, ":")
			paths = append(paths, from)
		}
		words := append(quoteAll(step), c.lookInside(image, n)...)
		start = strings.Join(words, " ") + ` bash -c "$body; inside" >>"$dir/facts" 2>>"$dir/errors"`
		if !c.InAllocation {
			start += "\n\"${step[@]}\" bash -c \"$body; remove_own\" >/dev/null 2>&1"
		}
	}
	return render(nodesTemplate, map[string]string{
		"COMMON": strings.TrimRight(commonPart, "\n"), "LEFTOVERS": strings.TrimRight(leftoversPart, "\n"),
		"DRIVER": quote(driver), "ENGINE": engine,
		"STORE": quote(n.Store), "DIR": quote(n.Dir), "PATHS": strings.Join(quoteAll(paths), " "), "WEIGHTS": strings.Join(quoteAll(n.Weights), " "), "FILES": strings.Join(quoteAll(n.Files), " "),
		"WRITE": strconv.Itoa(writeMiB), "STEP": strings.Join(quoteAll(step), " "), "CONTAINER": start,
	})
}

// lookInside are pyxis' flags for a container that sees the weights and named files as
// those of runs do.
func (c *Config) lookInside(image string, n executors.NodeCheck) []string {
	words := []string{quote("--container-image=" + image)}
	var mounts []string
	for _, w := range n.Weights {
		mounts = append(mounts, mountOf(w))
	}
	for _, f := range n.Files {
		mounts = append(mounts, mountOf(f)+":ro")
	}
	mounts = append(mounts, c.Container.Mounts...)
	if len(mounts) > 0 {
		words = append(words, quote("--container-mounts="+strings.Join(mounts, ",")))
	}
	if !c.Container.MountHome {
		words = append(words, "--no-container-mount-home")
	}
	return words
}

func quoteAll(words []string) []string {
	out := make([]string, len(words))
	for i, w := range words {
		out[i] = quote(w)
	}
	return out
}

// facts are what nodes.sh saw, by node and fact; a fact may have several values.
type facts map[string]map[string][]string

func parseFacts(text string) facts {
	f := facts{}
	for line := range strings.Lines(text) {
		parts := strings.SplitN(strings.TrimRight(line, "\n"), "\t", 3)
		if len(parts) < 3 || parts[0] == "" {
			continue
		}
		if f[parts[0]] == nil {
			f[parts[0]] = map[string][]string{}
		}
		if v := strings.TrimSpace(parts[2]); v != "" {
			f[parts[0]][parts[1]] = append(f[parts[0]][parts[1]], v)
		}
	}
	return f
}

func (f facts) nodes() []string { return slices.Sorted(maps.Keys(f)) }

// one is a fact that a node has once, "" where it has none.
func (f facts) one(node, fact string) string {
	if v := f[node][fact]; len(v) > 0 {
		return v[0]
	}
	return ""
}

// number is one as a number; false where there is none.
func (f facts) number(node, fact string) (float64, bool) {
	n, err := strconv.ParseFloat(f.one(node, fact), 64)
	return n, err == nil
}

// The columns that nodes.sh asks nvidia-smi for. What it does not tell is "".
const (
	gpuName = iota
	gpuMemory
	gpuDriver
	gpuClock
	gpuPower
	gpuECC
	gpuColumns
)

// gpus are the columns of each GPU of a node.
func (f facts) gpus(node string) [][]string {
	var out [][]string
	for _, line := range f[node]["gpu"] {
		if columns := results.SMIFields(line); len(columns) >= gpuColumns {
			out = append(out, columns)
		}
	}
	return out
}

// together joins a column of the GPUs of a node, said once where all agree.
func together(gpus [][]string, column int) string {
	var words []string
	for _, g := range gpus {
		words = append(words, g[column])
	}
	if len(slices.Compact(slices.Sorted(slices.Values(words)))) == 1 {
		return words[0]
	}
	return strings.Join(words, ", ")
}

// usual is the value that most nodes have, "" where no majority has one.
func usual(values map[string]string) string {
	count := map[string]int{}
	for _, v := range values {
		count[v]++
	}
	for v, n := range count {
		if 2*n > len(values) {
			return v
		}
	}
	return ""
}

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
