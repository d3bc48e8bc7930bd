package slurm

import (
	"cmp"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/llmbench/llmbench/executors"
)

// Below these a node is remarked on.
const (
	leastShm   = 8 << 30 // bytes free in /dev/shm
	leastWrite = 100e6   // bytes a second into the store
	memorySlip = 0.97    // of the GPU's memory
)

// A nodeJudge turns facts into checks, node by node.
type nodeJudge struct {
	cfg   *Config
	n     executors.NodeCheck
	nonce string
	facts facts
	node  string
	out   []executors.Check
}

// judge makes the checks of all nodes. words is what the job's steps complained
// of.
func (c *Config) judge(n executors.NodeCheck, nonce string, f facts, words string) []executors.Check {
	j := &nodeJudge{cfg: c, n: n, nonce: nonce, facts: f}
	for _, j.node = range f.nodes() {
		j.store()
		j.paths()
		j.host()
		if gpus := f.gpus(j.node); len(gpus) > 0 {
			j.gpus(gpus)
			j.fabric()
		} else {
			j.without()
		}
		j.container(words)
		j.engine()
	}
	j.everywhere()
	j.odd()
	j.node = ""
	if have := len(f.nodes()); have < n.Run.Hardware.Nodes {
		j.add("nodes", executors.CheckFail, fmt.Sprintf("%d of %d nodes answered: %s", have, n.Run.Hardware.Nodes, cmp.Or(words, "the others said nothing")), "check the others too, or leave them out with exclude")
	}
	return j.out
}

func (j *nodeJudge) add(name, result, detail, remedy string) {
	j.out = append(j.out, executors.Check{Name: name, Node: j.node, Result: result, Detail: detail, Remedy: remedy})
}

// exclude is the remedy for a node that is not well.
func (j *nodeJudge) exclude() string {
	return fmt.Sprintf("report %s to the site's operators; exclude = %q keeps runs away from it", j.node, j.node)
}

// store: what was written here is read there, and the node writes fast.
func (j *nodeJudge) store() {
	rate, ok := j.facts.number(j.node, "write")
	detail := fmt.Sprintf("%.0f MB/s", rate/1e6)
	switch {
	case j.facts.one(j.node, "nonce") != j.nonce:
		j.add("store", executors.CheckFail, "does not read what this host wrote", "put the store on a file system that all nodes share: llmbench { store = … } or -store")
	case !ok:
		j.add("store", executors.CheckFail, "cannot write", "let this user write there from the nodes too; root_squash denies it to root")
	case rate < leastWrite:
		j.add("store", executors.CheckWarn, detail, "a store this slow delays the end of jobs")
	default:
		j.add("store", executors.CheckOK, detail, "")
	}
}

func (j *nodeJudge) paths() {
	unseen, unread := j.facts[j.node]["unseen"], j.facts[j.node]["unread"]
	switch {
	case len(unseen) > 0:
		j.add("paths", executors.CheckFail, "does not see "+strings.Join(unseen, ", "), "copy them to a file system that all nodes share; "+j.exclude())
	case len(unread) > 0:
		j.add("paths", executors.CheckFail, "cannot read "+strings.Join(unread, ", "), j.exclude())
	default:
		j.add("paths", executors.CheckOK, "seen", "")
	}
}

// host: /dev/shm and the governor of the processors.
func (j *nodeJudge) host() {
	warnIf := func(bad bool, name, detail, remedy string) {
		if bad {
			j.add(name, executors.CheckWarn, detail, remedy)
		} else {
			j.add(name, executors.CheckOK, detail, "")
		}
	}
	if free, ok := j.facts.number(j.node, "shm"); ok {
		warnIf(free < leastShm, "shm", fmt.Sprintf("%.0f GiB", free/(1<<30)), "NCCL and the ranks use /dev/shm; too little ends in a bus error")
	}
	if g := j.facts.one(j.node, "governor"); g != "" {
		warnIf(g != "performance", "governor", g, "ask for the performance governor: the host feeds the GPUs")
	}
}

// without: a node that shows no GPU is only well where none is needed.
func (j *nodeJudge) without() {
	if j.cfg.simulated() {
		j.add("gpus", executors.CheckSkipped, "none needed", "")
		return
	}
	j.add("gpus", executors.CheckFail, fmt.Sprintf("nvidia-smi shows none of %d", j.n.Run.Hardware.GPUsPerNode), j.exclude())
}

func (j *nodeJudge) gpus(list [][]string) {
	h := j.n.Run.Hardware
	name := together(list, gpuName)
	detail := fmt.Sprintf("%d %s", len(list), name)
	switch busy, _ := j.facts.number(j.node, "busy"); {
	case len(list) != h.GPUsPerNode:
		j.add("gpus", executors.CheckFail, detail, fmt.Sprintf("%d were asked for; %s", h.GPUsPerNode, j.exclude()))
	case !strings.Contains(strings.ToUpper(name), strings.ToUpper(h.GPU)):
		j.add("gpus", executors.CheckFail, detail, fmt.Sprintf("hardware says %s: choose another partition, or correct it", h.GPU))
	case busy > 0:
		j.add("gpus", executors.CheckFail, fmt.Sprintf("%s, %.0f foreign processes on them", detail, busy), j.exclude())
	default:
		j.add("gpus", executors.CheckOK, detail, "")
	}
	j.memory(list)
	j.errors(list)
	j.add("driver", executors.CheckOK, together(list, gpuDriver), "")
	j.add("clock", executors.CheckOK, together(list, gpuClock)+" MHz", "")
	j.add("power", executors.CheckOK, together(list, gpuPower)+" W", "")
}

func (j *nodeJudge) memory(list [][]string) {
	for i, g := range list {
		mib, err := strconv.ParseFloat(g[gpuMemory], 64)
		if err == nil && mib*(1<<20) < memorySlip*float64(j.n.MemoryBytes) {
			j.add("memory", executors.CheckFail, fmt.Sprintf("GPU %d has %.0f MiB", i, mib), fmt.Sprintf("%s has %d MiB; %s", j.n.Run.Hardware.GPU, j.n.MemoryBytes>>20, j.exclude()))
			return
		}
	}
	j.add("memory", executors.CheckOK, together(list, gpuMemory)+" MiB", "")
}

// errors: uncorrected memory errors, and rows that wait to be remapped or could
// not be.
func (j *nodeJudge) errors(list [][]string) {
	for i, g := range list {
		if n, err := strconv.Atoi(g[gpuECC]); err == nil && n > 0 {
			j.add("ecc", executors.CheckFail, fmt.Sprintf("GPU %d has %d uncorrected errors", i, n), j.exclude())
			return
		}
	}
	for i, line := range j.facts[j.node]["rows"] {
		f := strings.Split(line, ",")
		if len(f) < 3 {
			continue
		}
		for k, what := range []string{"waits for a reset to remap rows", "failed to remap rows"} {
			if v := strings.TrimSpace(f[k+1]); v != "0" && v != "No" && !strings.HasPrefix(v, "[") {
				j.add("ecc", executors.CheckFail, fmt.Sprintf("GPU %d %s", i, what), j.exclude())
				return
			}
		}
	}
	j.add("ecc", executors.CheckOK, "no errors", "")
}

// fabric: NVLink, and what joins the GPUs of several nodes into one domain.
func (j *nodeJudge) fabric() {
	if links, ok := j.facts.number(j.node, "links"); ok {
		j.add("nvlink", executors.CheckOK, fmt.Sprintf("%.4g links per GPU", links/float64(len(j.facts.gpus(j.node)))), "")
	}
	if !j.n.Domain {
		return
	}
	found := j.facts[j.node]["fabric"]
	switch {
	case len(found) == 0:
		j.add("domain", executors.CheckWarn, "not told", "nvidia-smi -q of this driver does not report the fabric")
	case len(found) > 1:
		j.add("domain", executors.CheckFail, strings.Join(found, "; "), "its GPUs are in different domains or states; "+j.exclude())
	default:
		state, domain, _ := strings.Cut(found[0], ",")
		if state != "Completed/Success" {
			j.add("domain", executors.CheckFail, "fabric "+state, j.exclude())
			break
		}
		j.add("domain", executors.CheckOK, domain, "")
	}
	if n, ok := j.facts.number(j.node, "imex"); ok && j.n.Run.Hardware.Nodes > 1 {
		if n < 1 {
			j.add("imex", executors.CheckFail, "no channel", "the job needs an IMEX channel for memory of other nodes (switch/nvidia_imex in Slurm); "+j.exclude())
			return
		}
		j.add("imex", executors.CheckOK, fmt.Sprintf("%.0f channels", n), "")
	}
}

func (j *nodeJudge) container(words string) {
	if j.cfg.Container == nil || j.cfg.simulated() {
		return
	}
	if v := j.facts.one(j.node, "enroot"); v != "" {
		j.add("enroot", executors.CheckOK, v, "")
	} else {
		j.add("enroot", executors.CheckFail, "not installed", "pyxis starts containers by enroot; "+j.exclude())
	}
	if swept := j.facts[j.node]["swept"]; len(swept) > 0 {
		j.add("leftovers", executors.CheckOK, "removed leftovers of earlier jobs: "+strings.Join(swept, ", "), "")
	}
	switch got := j.facts.one(j.node, "container"); got {
	case "starts":
		j.add("container", executors.CheckOK, got, "")
	case "":
		why := lastCause(words)
		remedy := j.exclude()
		if ofImage(why) {
			remedy = "`llmbench prepare` verifies the image and imports it again"
		}
		j.add("container", executors.CheckFail, "does not start: "+cmp.Or(why, "nothing was said"), remedy)
	default:
		j.add("container", executors.CheckFail, got, "mount it, or copy it to a file system that all nodes share")
	}
}

// engine: TensorRT-LLM there is one whose engine runs can share.
func (j *nodeJudge) engine() {
	if !j.n.Shared || j.cfg.simulated() {
		return
	}
	if shared, words := Shareable(j.facts.one(j.node, "engine")); shared {
		j.add("engine", executors.CheckOK, words, "")
	} else {
		j.add("engine", executors.CheckFail, words, "set engine = \"fresh\", or choose another image")
	}
}

// Shareable reads what ProbeEngine printed: whether runs can share an engine of the
// image, and how or why not.
func Shareable(said string) (bool, string) {
	var got struct{ Python, Name, Refused string }
	text, ok := strings.CutPrefix(said, "llmbench engine ")
	switch {
	case !ok || json.Unmarshal([]byte(text), &got) != nil:
		return false, "python3 in the image does not answer: " + cmp.Or(said, "nothing was said")
	case got.Refused != "":
		return false, "cannot be shared: " + got.Refused
	}
	return true, fmt.Sprintf("can be shared: %s, Python %s", got.Name, got.Python)
}

// lastCause is the last line of FATAL or ERROR in what pyxis and enroot print, without
// the marks before it; all of words where there is none.
func lastCause(words string) string {
	cause := words
	for line := range strings.Lines(words) {
		for _, mark := range []string{"[FATAL] ", "[ERROR] "} {
			if _, rest, ok := strings.Cut(line, mark); ok {
				cause = strings.TrimSpace(rest)
			}
		}
	}
	return cause
}

// ofImage reports whether a container does not start for its image's sake: the
// node is not to blame.
func ofImage(cause string) bool {
	text := strings.ToLower(cause)
	for _, word := range []string{".sqsh", "squashfs", "superblock", "no such image", "image format", "unsquashfs"} {
		if strings.Contains(text, word) {
			return true
		}
	}
	return false
}

// everywhere takes the advice to leave out a node from what all nodes have in
// common: leaving them all out mends nothing.
func (j *nodeJudge) everywhere() {
	count := map[string]int{}
	key := func(c executors.Check) string { return c.Name + "\x00" + c.Detail }
	for _, c := range j.out {
		count[key(c)]++
	}
	nodes := len(j.facts.nodes())
	for i, c := range j.out {
		j.node = c.Node
		if nodes > 1 && count[key(c)] == nodes && strings.HasSuffix(c.Remedy, j.exclude()) {
			rest := strings.TrimSuffix(strings.TrimSuffix(c.Remedy, j.exclude()), "; ")
			j.out[i].Remedy = strings.TrimPrefix(rest+"; all nodes have it, so that excluding one does not help: ask the site's operators", "; ")
		}
	}
}

// alike are the checks that all nodes should have alike.
var alike = map[string]string{
	"driver": "kernels differ with drivers", "clock": "the slowest rank sets the pace", "power": "the slowest rank sets the pace",
	"nvlink": "a link is down", "domain": "nodes of one run must share one NVLink domain: segment = true",
}

// odd names the node that differs from the others. Where there is no majority
// that is the lesser of what more is better of, else all.
func (j *nodeJudge) odd() {
	values := map[string]map[string]string{}
	for _, c := range j.out {
		if alike[c.Name] != "" && c.Result == executors.CheckOK {
			if values[c.Name] == nil {
				values[c.Name] = map[string]string{}
			}
			values[c.Name][c.Node] = c.Detail
		}
	}
	for i := range j.out {
		c := &j.out[i]
		most := usual(values[c.Name])
		if most == "" {
			most = best(c.Name, values[c.Name])
		}
		if c.Result != executors.CheckOK || values[c.Name] == nil || c.Detail == most {
			continue
		}
		c.Result = executors.CheckFail
		others := "another node has " + most
		if most == "" {
			others = "no two nodes agree"
		}
		j.node = c.Node
		c.Remedy = fmt.Sprintf("%s, and %s; %s", others, alike[c.Name], j.exclude())
	}
}

// best is the greatest of values that begin with a number of which more is
// better, "" for others.
func best(name string, values map[string]string) string {
	if name != "clock" && name != "power" && name != "nvlink" {
		return ""
	}
	most, text := 0.0, ""
	for _, v := range values {
		word, _, _ := strings.Cut(v, " ")
		if n, err := strconv.ParseFloat(word, 64); err == nil && n > most {
			most, text = n, v
		}
	}
	return text
}
