package slurm

import (
	"context"
	"slices"
	"strings"
)

// Down implements executors.NodeFinder with sinfo, which marks the state of a node
// that does not answer with an asterisk.
func (e *Executor) Down(ctx context.Context, nodes []string) ([]string, error) {
	out, err := e.slurm.nodeStates(ctx, nodes)
	if err != nil {
		return nil, err
	}
	var down []string
	for line := range strings.Lines(out) {
		node, state, _ := strings.Cut(strings.TrimSpace(line), "|")
		lost := strings.HasPrefix(state, "down") || strings.HasSuffix(state, "*")
		if lost && !slices.Contains(down, node) { // it has a line for each partition
			down = append(down, node)
		}
	}
	return down, nil
}
