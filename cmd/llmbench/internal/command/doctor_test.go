package command

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/hashicorp/go-hclog"

	"github.com/llmbench/llmbench/cmd/llmbench/internal/view"
	"github.com/llmbench/llmbench/plan"
)

// The recipe's latency table has a draft model, which its nodes must see.
func TestNodeChecksHoldFilesThatOptionsName(t *testing.T) {
	ctx, stop := newSignalContext()
	defer stop()
	e := &env{streams: view.Standard(), log: hclog.NewNullLogger(), signal: ctx}
	s := e.load(definitionFlags{Dir: filepath.Join("..", "..", "..", "..", "examples", "declared-cells"), Store: t.TempDir(), Vars: []string{"account=perf"}})
	p, diags := s.plan(plan.Selection{})
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	const draft = "/lustre/llmb/weights/Llama-4-Maverick-17B-128E-Eagle3"
	shapes := 0
	for _, n := range s.nodeChecks(p) {
		want := ""
		if strings.HasPrefix(n.Run.Address, "min_latency/") {
			want = draft
			shapes++
		}
		if files := strings.Join(n.Files, " "); files != want {
			t.Errorf("%s: files %q, want %q", n.Run.Address, files, want)
		}
	}
	if shapes != 1 {
		t.Errorf("the latency table has %d shapes", shapes)
	}
}
