package plan

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/hcl/v2"
)

// A Job is what an executor gets: one sample or several, measured one after another.
type Job struct {
	// Name is the stem of the job's name; AttemptPlaceholder in Argv stands for
	// what makes it unique.
	Name string `json:"name"`
	// Runs are the addresses in the order in which their turns come. A run with
	// several samples in the job is there several times.
	Runs []string `json:"runs"`
	// GPUs are those of the allocation, which the job holds to its end.
	GPUs             int `json:"gpus"`
	TimeLimitSeconds int `json:"time_limit_seconds"`
	// Container is "shared" where one container is unpacked for all of several runs,
	// "fresh" where each run gets its own, null for one run and where runs are on the
	// node itself.
	Container *string `json:"container"`
	// Argv submits the job, and Script is what it runs; none where nothing is
	// submitted.
	Argv   []string `json:"argv"`
	Script string   `json:"script"`
}

// GPUHoursLimit is what the job can cost at most.
func (j *Job) GPUHoursLimit() float64 {
	return float64(j.GPUs) * float64(j.TimeLimitSeconds) / 3600
}

// shape is what runs must share to run in one allocation: their nodes, image and
// executor, and the search that pays. The environment is each run's own.
func (r *Run) shape() string {
	h := r.Hardware
	return strings.Join([]string{
		r.Asked.Search, r.Executor.Type, string(r.Executor.Name), r.Image.Name, deref(r.Image.Digest), h.GPU,
		fmt.Sprint(h.GPUs, h.GPUsPerNode, h.Nodes), r.engineKey(),
	}, "\x00")
}

// ExpectedGPUHours is what a sample should cost: as estimated, else at most.
func (r *Run) ExpectedGPUHours() float64 {
	if e := r.Estimate; e != nil && e.GPUHours != nil {
		return e.GPUHours.Mid
	}
	return r.GPUHoursLimit()
}

// share puts the missing samples into jobs of several where their executor lets them
// share jobs. A sample that would be alone keeps a job of its own.
func (b *builder) share(p *Plan, list []candidate) hcl.Diagnostics {
	var diags hcl.Diagnostics
	done := map[JobRenderer]bool{}
	for _, c := range list {
		if t := c.place.Renderer; !done[t] && t.Packing() != nil {
			done[t] = true
			diags = append(diags, b.shareOn(p, list, t)...)
		}
	}
	return diags
}

func (b *builder) shareOn(p *Plan, list []candidate, renderer JobRenderer) hcl.Diagnostics {
	var samples []*Run
	cells := map[*Run]candidate{}
	for _, c := range list {
		if c.place.Renderer != renderer || c.run.Action != Measure && c.run.Action != Remeasure {
			continue
		}
		cells[c.run] = c
		for range c.run.State.Missing() {
			samples = append(samples, c.run)
		}
	}
	how := *renderer.Packing()
	for _, runs := range how.jobs(samples, (*Run).shape) {
		job := renderer.Job(runs...)
		p.Jobs = append(p.Jobs, job)
		if runs[0].Shared() {
			p.Engines = append(p.Engines, newEngine(runs))
		}
		for _, r := range runs {
			if !slices.Contains(r.shared, job) {
				r.shared = append(r.shared, job)
			}
		}
	}
	return merge(tooLong(samples, cells, how))
}

// jobs are the samples of each job of several, or on a shared engine, that Arrange makes.
func (p Packing) jobs(samples []*Run, shape func(*Run) string) (out [][]*Run) {
	for _, indexes := range p.arrange(samples, shape) {
		if len(indexes) == 1 && !samples[indexes[0]].Shared() {
			continue
		}
		runs := make([]*Run, len(indexes))
		for k, i := range indexes {
			runs[k] = samples[i]
		}
		out = append(out, runs)
	}
	return out
}

// tooLong warns of runs that share no job although there are others of their
// shape, because two would take longer than such a job may.
func tooLong(samples []*Run, cells map[*Run]candidate, p Packing) hcl.Diagnostics {
	shapes := map[string]int{}
	for _, r := range samples {
		shapes[r.shape()]++
	}
	var diags hcl.Diagnostics
	for i, r := range samples {
		two := p.Limit([]*Run{r, r})
		if r.shared != nil || shapes[r.shape()] < 2 || two <= p.MaxTime || i > 0 && samples[i-1] == r {
			continue
		}
		diags = append(diags, cells[r].warn("time_limit", "Run is not packed",
			"Two runs with this time limit and a margin of %s before, between and after them take %s, and a job may take %s. The run gets a job of its own. "+
				"Raise max_time in the executor's pack block, where the partition allows it, or shorten time_limit.",
			inMinutes(p.Margin.Seconds()), inMinutes(two.Seconds()), inMinutes(p.MaxTime.Seconds()))...)
	}
	return diags
}

// Packing bounds jobs of several runs: their number, and the sum of their time limits.
type Packing struct {
	// MaxRuns is how many samples one job runs at most.
	MaxRuns int
	// MaxTime is the longest time limit of such a job.
	MaxTime time.Duration
	// Margin is how long starting a run and cleaning up after it may take.
	Margin time.Duration
	// SharedOnly gives every run a job of its own that does not share its engine.
	SharedOnly bool
}

// Limit is the time limit of a job of these runs: what each may take, with a
// margin before, between and after them. Where they share an engine, priming it and
// measuring the first again may take as long as the longest of them.
func (p Packing) Limit(runs []*Run) time.Duration {
	sum := p.Margin
	for _, r := range runs {
		sum += time.Duration(r.TimeLimitSeconds)*time.Second + p.Margin
	}
	if len(runs) > 0 && runs[0].Shared() {
		longest := 0
		for _, r := range runs {
			longest = max(longest, r.TimeLimitSeconds)
		}
		sum += 2 * (time.Duration(longest)*time.Second + p.Margin)
	}
	return sum
}

// GPUHours is what a job of these runs can cost at most: a fresh run that is alone has no
// margins.
func (p Packing) GPUHours(runs []*Run) float64 {
	if len(runs) == 1 && !runs[0].Shared() {
		return runs[0].GPUHoursLimit()
	}
	return float64(runs[0].Hardware.GPUs) * p.Limit(runs).Hours()
}

// Arrange puts samples, each given by its run, into jobs: the indexes of each
// job's samples in the order in which they are run. Only samples of one shape
// share a job. The first sample of every run comes before the second of any, so
// that a drift of the machine hits all runs alike; within such a round the
// cheapest is first, since it shows what all would fail of. Samples that do not
// fit into MaxTime are in no job.
func (p Packing) Arrange(runs []*Run) [][]int { return p.arrange(runs, (*Run).shape) }

func (p Packing) arrange(runs []*Run, shape func(*Run) string) [][]int {
	var shapes []string
	byShape, round, seen := map[string][]int{}, make([]int, len(runs)), map[string]int{}
	for i, r := range runs {
		if p.Limit(runs[i:i+1]) > p.MaxTime || p.SharedOnly && !r.Shared() {
			continue
		}
		seen[r.Fingerprint]++
		round[i] = seen[r.Fingerprint]
		s := shape(r)
		if byShape[s] == nil {
			shapes = append(shapes, s)
		}
		byShape[s] = append(byShape[s], i)
	}
	var out [][]int
	for _, s := range shapes {
		list := byShape[s]
		slices.SortStableFunc(list, func(i, j int) int {
			return cmp.Or(round[i]-round[j], cmp.Compare(runs[i].ExpectedGPUHours(), runs[j].ExpectedGPUHours()))
		})
		out = append(out, p.split(list, runs)...)
	}
	return out
}

// split cuts a list into as few jobs as the bounds allow, and of like size where
// that needs no more.
func (p Packing) split(list []int, runs []*Run) [][]int {
	fewest := p.cut(list, runs, max(1, p.MaxRuns))
	size := (len(list) + len(fewest) - 1) / len(fewest)
	if even := p.cut(list, runs, size); len(even) == len(fewest) {
		return even
	}
	return fewest
}

// cut fills one job after another with up to size samples.
func (p Packing) cut(list []int, runs []*Run, size int) [][]int {
	var out [][]int
	var now []int
	var members []*Run
	for _, i := range list {
		members = append(members, runs[i])
		if len(now) == size || len(now) > 0 && p.Limit(members) > p.MaxTime {
			out, now, members = append(out, now), nil, runs[i:i+1:i+1]
		}
		now = append(now, i)
	}
	return append(out, now)
}
