package slurm

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

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
