package plan

import (
	"fmt"
	"strings"

	"github.com/llmbench/llmbench/plan/failure"
	"github.com/llmbench/llmbench/schema"
	"github.com/llmbench/llmbench/schema/catalog"
)

// declaredFacts lists what a cell depends on that the user declared.
func declaredFacts(cell *schema.Cell, cat *catalog.Catalog) []string {
	out := []string{}
	add := func(from, format string, args ...any) {
		if from != "" {
			out = append(out, fmt.Sprintf(format, args...)+" ("+from+")")
		}
	}
	m, hw := cell.Model, cell.Hardware
	if near, exact := cat.NearestCell(m.Checkpoint, m.Quantization, hw.GPU, hw.GPUs, hw.GPUsPerNode); exact {
		add(near.From, "cell")
	}
	if model, _, ok := cat.Model(m.Checkpoint); ok {
		add(model.From, "model %s", model.Label)
	}
	if gpu, ok := cat.GPU(hw.GPU); ok {
		add(gpu.From, "GPU %s", gpu.Name)
	}
	add(cell.Version.From, "version %s", cell.Version.Name)
	return out
}

// declaredByUser says what is not llmbench's own.
func (n *noter) declaredByUser() {
	if len(n.run.Declared) > 0 {
		n.add(failure.DeclaredByUser, "", "%s: %s.", strings.Join(n.run.Declared, ", "), catalog.Mark)
	}
}
