package plan

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
)

// A Pack is one job that runs several samples one after another.
type Pack struct {
	// Name is the stem of the job's name; AttemptPlaceholder in Argv stands for
	// what makes it unique.
	Name string `json:"name"`
	// Runs are the addresses in the order in which their turns come. A run with
	// several samples in the pack is there several times.
	Runs []string `json:"runs"`
	// GPUs are those of the allocation, which the pack holds to its end.
	GPUs             int `json:"gpus"`
	TimeLimitSeconds int `json:"time_limit_seconds"`
	// Container is "shared" where one container is unpacked for all runs, "fresh"
	// where each run gets its own, null where they run on the node.
	Container *string  `json:"container"`
	Argv      []string `json:"argv"`
	Script    string   `json:"script"`
}

// GPUHoursLimit is what the pack can cost at most.
func (p *Pack) GPUHoursLimit() float64 {
	return float64(p.GPUs) * float64(p.TimeLimitSeconds) / 3600
}

// Alone is the run's job as one that runs no other sample.
func (r *Run) Alone() *Pack {
	return &Pack{
		Name: r.Job.Name, Runs: []string{r.Address}, GPUs: r.Hardware.GPUs, TimeLimitSeconds: r.TimeLimitSeconds,
		Argv: r.Job.Argv, Script: deref(r.Job.Script),
	}
}

// A Packer is a Target that can run several samples in one job.
type Packer interface {
	Target
	// Packing bounds the packs; nil gives every sample a job of its own.
	Packing() *Packing
	// Member renders the job of a run that is run inside packs.
	Member(run *Run) (Job, error)
	// PackJob renders the job that runs these, which are members, in this order.
	PackJob(runs []*Run) (*Pack, error)
}

// shape is what runs must share to run in one allocation: their nodes, image and
// executor. The environment is each run's own.
func (r *Run) shape() string {
	h := r.Hardware
	return strings.Join([]string{
		r.Executor.Type, string(r.Executor.Name), r.Image.Name, deref(r.Image.Digest), h.GPU,
		fmt.Sprint(h.GPUs, h.GPUsPerNode, h.Nodes),
	}, "\x00")
}

// ExpectedGPUHours is what a sample should cost: as estimated, else at most.
func (r *Run) ExpectedGPUHours() float64 {
	if e := r.Estimate; e != nil && e.GPUHours != nil {
		return e.GPUHours.Mid
	}
	return r.GPUHoursLimit()
}

// pack puts the missing samples into packs where their executor packs. A sample
// that would be alone keeps a job of its own.
func (b *builder) pack(p *Plan, list []candidate) hcl.Diagnostics {
	var diags hcl.Diagnostics
	done := map[Packer]bool{}
	for _, c := range list {
		packer, ok := c.place.Target.(Packer)
		if !ok || packer.Packing() == nil || done[packer] {
			continue
		}
		done[packer] = true
		diags = append(diags, b.packAll(p, list, packer)...)
	}
	return diags
}

func (b *builder) packAll(p *Plan, list []candidate, packer Packer) hcl.Diagnostics {
	var samples []*Run
	cells := map[*Run]candidate{}
	for _, c := range list {
		if c.place.Target != Target(packer) || c.run.Action != Measure && c.run.Action != Remeasure {
			continue
		}
		cells[c.run] = c
		for range c.run.State.Missing() {
			samples = append(samples, c.run)
		}
	}
	how := *packer.Packing()
	var packed []*Run
	for _, runs := range together(how.Arrange(samples), samples) {
		pack, err := packer.PackJob(runs)
		if err != nil {
			return hcl.Diagnostics{cellError(cells[runs[0]].cell, "executor", "Job cannot be written", err.Error()+".")}
		}
		p.Packs = append(p.Packs, pack)
		for _, r := range runs {
			if r.packed == nil {
				packed = append(packed, r)
			}
			r.packWith(runs)
		}
	}
	for _, r := range packed {
		r.Steps = nil // its job is another now
		if diags := b.finish(r, cells[r].cell); diags.HasErrors() {
			return diags
		}
	}
	return merge(tooLong(samples, cells, how))
}

// shapesOf counts samples by their shape.
func shapesOf(samples []*Run) map[string]int {
	shapes := map[string]int{}
	for _, r := range samples {
		shapes[r.shape()]++
	}
	return shapes
}

// tooLong warns of runs that share no job although there are others of their
// shape, because two would take longer than a pack may.
func tooLong(samples []*Run, cells map[*Run]candidate, p Packing) hcl.Diagnostics {
	shapes := shapesOf(samples)
	var diags hcl.Diagnostics
	for i, r := range samples {
		two := p.Limit([]*Run{r, r})
		if r.packed != nil || shapes[r.shape()] < 2 || two <= p.MaxTime || i > 0 && samples[i-1] == r {
			continue
		}
		d := cellError(cells[r].cell, "time_limit", "Run is not packed", fmt.Sprintf(
			"Two runs with this time limit and a margin of %s before, between and after them take %s, and a job may take %s. The run gets a job of its own. "+
				"Raise max_time in the executor's pack block, where the partition allows it, or shorten time_limit.",
			inMinutes(p.Margin.Seconds()), inMinutes(two.Seconds()), inMinutes(p.MaxTime.Seconds())))
		d.Severity = hcl.DiagWarning
		diags = append(diags, about(cells[r].cell, hcl.Diagnostics{d})...)
	}
	return diags
}

// together leaves packs of one out, unless another sample of their run shares a
// job.
func together(packs [][]int, samples []*Run) [][]*Run {
	shares := map[*Run]bool{}
	for _, pack := range packs {
		for _, i := range pack {
			shares[samples[i]] = shares[samples[i]] || len(pack) > 1
		}
	}
	var out [][]*Run
	for _, pack := range packs {
		if !shares[samples[pack[0]]] {
			continue
		}
		runs := make([]*Run, len(pack))
		for k, i := range pack {
			runs[k] = samples[i]
		}
		out = append(out, runs)
	}
	return out
}

// packWith notes the other runs of a pack.
func (r *Run) packWith(runs []*Run) {
	if r.packed == nil {
		r.packed = []string{}
	}
	for _, o := range runs {
		if o != r && !slices.Contains(r.packed, o.Address) {
			r.packed = append(r.packed, o.Address)
		}
	}
}

// job is what the executor submits for the run, or runs in its packs.
func (r *Run) job() (Job, error) {
	if r.packed == nil {
		return r.target.Job(r)
	}
	job, err := r.target.(Packer).Member(r)
	job.PackedWith = r.packed
	return job, err
}
