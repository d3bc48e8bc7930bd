package slurm

import (
	"context"
	"fmt"
	"strings"

	"github.com/llmbench/llmbench/executors"
)

// diagnosis looks into the processes of one node's benchmark and its GPUs, with
// what the node has: py-spy for Python's stacks, else the kernel's.
const diagnosis = `echo "== $(hostname) $(date -u +%Y-%m-%dT%H:%M:%SZ)"
for p in $(pgrep -u "$(id -u)" -f 'trtllm-bench|trtllm-llmapi-launch|mgmn_(leader|worker)_node' | head -16); do
  [ "$p" = $$ ] && continue
  echo "-- process $p: $(tr '\0' ' ' <"/proc/$p/cmdline" 2>/dev/null | cut -c1-200)"
  if command -v py-spy >/dev/null; then timeout 10 py-spy dump --pid "$p"; else grep -H . "/proc/$p/task/"*/wchan 2>/dev/null | head -32; fi
done
if command -v nvidia-smi >/dev/null; then timeout 20 nvidia-smi; else echo "nvidia-smi is not on this node"; fi`

// Diagnose implements executors.Diagnoser with a step beside the benchmark's, on
// each of the nodes.
func (e *Executor) Diagnose(ctx context.Context, h executors.Handle, nodes []string) (string, error) {
	parts, err := parseHandle(h)
	if err != nil {
		return "", err
	}
	var where []string
	if n := len(nodes); n > 0 {
		where = append(where, fmt.Sprintf("--nodes=%d", n), fmt.Sprintf("--ntasks=%d", n), "--nodelist="+strings.Join(nodes, ","))
	}
	return e.slurm.step(ctx, parts.id, where, "bash", "-c", diagnosis)
}
