package catalog

// A Cell is a combination of weights and hardware that is supported.
type Cell struct {
	Checkpoint   string `hcl:"checkpoint"`
	Quantization string `hcl:"quantization"`
	GPU          string `hcl:"gpu"`
	GPUs         int    `hcl:"gpus"`
	GPUsPerNode  int    `hcl:"gpus_per_node"`

	From string // the user's file that declares it, "" for one that is supported
}

// NearestCell returns the supported cell that shares most with the wanted one,
// weights before GPU before counts, and whether it is the same.
func (c *Catalog) NearestCell(checkpoint, quantization, gpu string, gpus, gpusPerNode int) (cell *Cell, exact bool) {
	wanted := Cell{Checkpoint: checkpoint, Quantization: quantization, GPU: gpu, GPUs: gpus, GPUsPerNode: gpusPerNode}
	best := -1
	for _, have := range c.Cells {
		if have.shares(wanted) > best {
			cell, best = have, have.shares(wanted)
		}
	}
	return cell, cell.shares(wanted) == wanted.shares(wanted)
}

// shares weighs what two cells have in common; each fact outweighs all after it.
func (c *Cell) shares(d Cell) int {
	weight := 0
	for _, same := range []bool{
		c.Checkpoint == d.Checkpoint, c.Quantization == d.Quantization, c.GPU == d.GPU,
		c.GPUs == d.GPUs, c.GPUsPerNode == d.GPUsPerNode,
	} {
		weight *= 2
		if same {
			weight++
		}
	}
	return weight
}
