package plan

import (
	"fmt"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"github.com/llmbench/llmbench/schema"
	"github.com/llmbench/llmbench/schema/catalog"
)

// supportedCell refuses model and hardware that no catalogued cell has.
func (p *proof) supportedCell() hcl.Diagnostics {
	m, hw := p.cell.Model, p.cell.Hardware
	near, exact := p.cat.NearestCell(m.Checkpoint, m.Quantization, hw.GPU, hw.GPUs, hw.GPUsPerNode)
	switch {
	case exact && near.From != "" && p.policy != nil && p.policy.ForbidDeclaredCells:
		return p.errorAt("hardware", "Cell is declared and not supported", fmt.Sprintf(
			"%s on %dx %s is declared in %s, and the policy says allow_declared_cells = false: only supported cells may run.", m.Checkpoint, hw.GPUs, hw.GPU, near.From))
	case exact:
		return nil
	}
	argument, block, field := "hardware", hw.Block, "gpus_per_node"
	switch {
	case near.Checkpoint != m.Checkpoint:
		argument, block, field = "model", m.Block, "checkpoint"
	case near.Quantization != m.Quantization:
		argument, block, field = "model", m.Block, "quantization"
	case near.GPU != hw.GPU:
		field = "gpu"
	case near.GPUs != hw.GPUs:
		field = "gpus"
	}
	for _, known := range p.cat.GPUs {
		if known.Name != hw.GPU && strings.EqualFold(known.Name, hw.GPU) {
			return p.errorIn(hw.Block, "gpu", "hardware", "Unknown GPU", fmt.Sprintf("No GPU is called %q. Did you mean %q?", hw.GPU, known.Name))
		}
	}
	return p.errorIn(block, field, argument, "Unsupported model and hardware", fmt.Sprintf(
		"%s in %s on %dx %s with %d per node is not a supported cell. The nearest that is: %s in %s on %dx %s with %d per node.\n"+
			"A cell of your own runs once it is declared in a file facts.catalog.hcl beside the definitions, and every output then says that it is "+catalog.Mark+":\n\n"+
			"  cell {\n    checkpoint    = %q\n    quantization  = %q\n    gpu           = %q\n    gpus          = %d\n    gpus_per_node = %d\n  }",
		m.Checkpoint, m.Quantization, hw.GPUs, hw.GPU, hw.GPUsPerNode,
		near.Checkpoint, near.Quantization, near.GPUs, near.GPU, near.GPUsPerNode,
		m.Checkpoint, m.Quantization, hw.GPU, hw.GPUs, hw.GPUsPerNode))
}

// errorIn refuses the cell at a field of a block, or where that is not written at the
// argument that names the block.
func (p *proof) errorIn(block schema.Block, field, argument, summary, detail string) hcl.Diagnostics {
	d := cellError(p.cell, argument, summary, detail)
	if location, ok := block.Ranges[field]; ok {
		d.Subject = &location
	}
	return hcl.Diagnostics{d}
}

// wholeNodes refuses a number of GPUs that leaves part of a node.
func (p *proof) wholeNodes() hcl.Diagnostics {
	hw := p.cell.Hardware
	if hw.GPUsPerNode > 0 && hw.GPUs%hw.GPUsPerNode == 0 {
		return nil
	}
	return p.errorIn(hw.Block, "gpus", "hardware", "Nodes are not whole", fmt.Sprintf(
		"%d GPUs at %d per node are not a whole number of nodes; jobs take whole nodes. Use a multiple of %d.", hw.GPUs, hw.GPUsPerNode, max(1, hw.GPUsPerNode)))
}

// worldSize refuses tp and pp that do not use every GPU once: trtllm-bench
// starts tp*pp ranks, one a task, and would refuse or hang.
func (p *proof) worldSize() hcl.Diagnostics {
	tp, _ := intArg(p.cell, "tp")
	pp, _ := intArg(p.cell, "pp")
	gpus := p.cell.Hardware.GPUs
	if tp*pp == gpus {
		return nil
	}
	return p.errorAt("tp", "Parallelism does not match the hardware", fmt.Sprintf(
		"tp = %d times pp = %d is %s, and hardware.%s has %d GPUs; every GPU runs one rank. Set tp and pp so that their product is %d.",
		tp, pp, countOf(tp*pp, "rank"), p.cell.Hardware.Label, gpus, gpus))
}

// expertParallel refuses an ep that TensorRT-LLM cannot split tp by.
func (p *proof) expertParallel() hcl.Diagnostics {
	ep, ok := intArg(p.cell, "ep")
	tp, _ := intArg(p.cell, "tp")
	if !ok || ep > 0 && tp%ep == 0 {
		return nil
	}
	return p.errorAt("ep", "Expert parallelism does not divide tensor parallelism", fmt.Sprintf(
		"ep = %d does not divide tp = %d. TensorRT-LLM places experts on tp/ep groups, so ep must be one of %s.", ep, tp, divisors(tp)))
}

// timeLimit refuses a run that nothing would stop.
func (p *proof) timeLimit() hcl.Diagnostics {
	if p.cell.TimeLimit > 0 {
		return nil
	}
	return p.errorAt("time_limit", "Time limit is missing",
		"Every run needs a time_limit: it ends jobs that hang, and it bounds what the plan can cost. For example: time_limit = \"30m\".")
}

func divisors(n int) string {
	var out []string
	for d := 1; d <= n; d++ {
		if n%d == 0 {
			out = append(out, fmt.Sprint(d))
		}
	}
	return strings.Join(out, ", ")
}
