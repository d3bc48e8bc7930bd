package slurm

import (
	"slices"
	"strings"
)

// avoid adds nodes to what a submission excludes already. The script stays last.
func avoid(argv, nodes []string) []string {
	if len(nodes) == 0 || len(argv) == 0 {
		return argv
	}
	out := slices.Clone(argv)
	for i, word := range out {
		if list, ok := strings.CutPrefix(word, "--exclude="); ok {
			out[i] = "--exclude=" + list + "," + strings.Join(nodes, ",")
			return out
		}
	}
	return slices.Insert(out, len(out)-1, "--exclude="+strings.Join(nodes, ","))
}
