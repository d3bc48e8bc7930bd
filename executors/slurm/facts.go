package slurm

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/llmbench/llmbench/executors/results"
)

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

// A gpu is one line of nvidia-smi. What it does not tell is "".
type gpu struct{ name, memory, driver, clock, power, ecc string }

func (f facts) gpus(node string) []gpu {
	var out []gpu
	for _, line := range f[node]["gpu"] {
		if f := results.SMIFields(line); len(f) >= 6 {
			out = append(out, gpu{f[0], f[1], f[2], f[3], f[4], f[5]})
		}
	}
	return out
}

// together joins what of returns for each GPU of a node, said once where all
// agree.
func together(list []gpu, of func(gpu) string) string {
	var words []string
	for _, g := range list {
		words = append(words, of(g))
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
