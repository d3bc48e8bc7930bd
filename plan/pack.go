package plan

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/hcl/v2"
)

// A Pack is one job that runs several samples one after another.
type Pack struct {
	// Name is the stem of the job's name; AttemptPlaceholder in Argv stands for
	// what makes it unique.
	Name string `json:"name"`
	// Runs are the addresses in the order in which they are run. A run with
	// several samples in the pack is there several times.
	Runs []string `json:"runs"`
	// GPUs are those of one run, which the pack holds to its end.
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

// Packing bounds packs.
type Packing struct {
	// MaxRuns is how many samples one job runs at most.
	MaxRuns int
	// MaxTime is the longest time limit of a pack.
	MaxTime time.Duration
	// Margin is how long starting a run and cleaning up after it may take.
	Margin time.Duration
}

// Limit is the time limit of a job that runs these: what each may take, with a
// margin before, between and after them.
func (p Packing) Limit(runs []*Run) time.Duration {
	sum := p.Margin
	for _, r := range runs {
		sum += time.Duration(r.TimeLimitSeconds)*time.Second + p.Margin
	}
	return sum
}

// Arrange puts samples, each given by its run, into packs: the indexes of each
// pack's samples in the order in which they are run. Only samples of one shape
// share a pack. The first sample of every run comes before the second of any, so
// that a drift of the machine hits all runs alike; within such a round the
// cheapest is first, since it shows what all would fail of. Samples that do not
// fit into MaxTime are in no pack.
func (p Packing) Arrange(runs []*Run) [][]int {
	var shapes []string
	byShape, round, seen := map[string][]int{}, make([]int, len(runs)), map[string]int{}
	for i, r := range runs {
		if p.Limit(runs[i:i+1]) > p.MaxTime {
			continue
		}
		seen[r.Fingerprint]++
		round[i] = seen[r.Fingerprint]
		s := r.shape()
		if byShape[s] == nil {
			shapes = append(shapes, s)
		}
		byShape[s] = append(byShape[s], i)
	}
	var out [][]int
	for _, s := range shapes {
		list := byShape[s]
		slices.SortStableFunc(list, func(i, j int) int {
			switch a, b := runs[i].ExpectedGPUHours(), runs[j].ExpectedGPUHours(); {
			case round[i] != round[j]:
				return round[i] - round[j]
			case a < b:
				return -1
			case a > b:
				return 1
			}
			return 0
		})
		out = append(out, p.split(list, runs)...)
	}
	return out
}

// split cuts a list into as few packs as the bounds allow, and of like size where
// that needs no more.
func (p Packing) split(list []int, runs []*Run) [][]int {
	fewest := p.cut(list, runs, max(1, p.MaxRuns))
	even := p.cut(list, runs, (len(list)+len(fewest)-1)/len(fewest))
	if len(even) == len(fewest) {
		return even
	}
	return fewest
}

// cut fills one pack after another with up to size samples.
func (p Packing) cut(list []int, runs []*Run, size int) [][]int {
	var out [][]int
	var now []int
	var limit time.Duration
	for _, i := range list {
		takes := time.Duration(runs[i].TimeLimitSeconds)*time.Second + p.Margin
		if len(now) == size || len(now) > 0 && limit+takes > p.MaxTime {
			out, now = append(out, now), nil
		}
		if now == nil {
			limit = p.Margin
		}
		now = append(now, i)
		limit += takes
	}
	return append(out, now)
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
	var packed []*Run
	for _, runs := range together(packer.Packing().Arrange(samples), samples) {
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
	return merge(tooLong(samples, cells, *packer.Packing()))
}

// tooLong warns of runs that share no job although there are others of their
// shape: two would take longer than a pack may.
func tooLong(samples []*Run, cells map[*Run]candidate, p Packing) hcl.Diagnostics {
	shapes := map[string]int{}
	for _, r := range samples {
		shapes[r.shape()]++
	}
	var diags hcl.Diagnostics
	for i, r := range samples {
		if r.packed != nil || shapes[r.shape()] < 2 || i > 0 && samples[i-1] == r {
			continue
		}
		d := cellError(cells[r].cell, "time_limit", "Run is not packed", fmt.Sprintf(
			"Two runs with this time limit and a margin of %s before, between and after them take %s, and a job may take %s. The run gets a job of its own. "+
				"Raise max_time in the executor's pack block, where the partition allows it, or shorten time_limit.",
			inMinutes(p.Margin.Seconds()), inMinutes(p.Limit([]*Run{r, r}).Seconds()), inMinutes(p.MaxTime.Seconds())))
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
