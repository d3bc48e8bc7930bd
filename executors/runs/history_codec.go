package runs

import (
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/llmbench/llmbench/executors/jobdir"
	"github.com/llmbench/llmbench/executors/results"
	"github.com/llmbench/llmbench/plan"
	"github.com/llmbench/llmbench/plan/trtllm"
)

// visitShape visits what there is, and visitOutcomes what became of it: to see
// whether a history still holds, its shape is enough.
func (h *history) visitShape(c *codec) {
	each(c, &h.clusters, func(cluster *clusterHistory) {
		c.word(&cluster.name)
		each(c, &cluster.samples, func(s *sampleHistory) {
			c.int(&s.number)
			c.bool(&s.stone)
			c.int(&s.upTo)
			each(c, &s.attempts, func(o *outcome) {
				c.int(&o.number)
				c.word(&o.opened)
			})
		})
	})
}

func (h *history) visitOutcomes(c *codec) {
	for i := range h.clusters {
		for j := range h.clusters[i].samples {
			s := &h.clusters[i].samples[j]
			for n := range s.attempts {
				s.attempts[n].visit(c)
			}
		}
	}
}

func (o *outcome) visit(c *codec) {
	c.word((*string)(&o.phase))
	c.text(&o.deferred)
	c.bool(&o.prepared)
	c.text(&o.address)
	c.time(&o.created)
	c.text(&o.fingerprint)
	c.int(&o.logs)
	perhaps(c, &o.result, func(r *results.Result) {
		same := r.Address == o.address
		if c.bool(&same); same {
			r.Address = o.address
		} else {
			c.text(&r.Address)
		}
		r.Fingerprint = o.fingerprint
		c.result(r)
	})
}

// result visits what a brief has. Its place and its files are known otherwise.
func (c *codec) result(r *results.Result) {
	c.word(&r.Executor.Type)
	c.word((*string)(&r.Executor.Name))
	c.settings(&r.Settings)
	c.bool(&r.Simulated)
	c.word((*string)(&r.Verdict))
	each(c, &r.Reasons, func(reason *results.Reason) {
		c.word((*string)(&reason.Code))
		c.word((*string)(&reason.Level))
		c.text(&reason.Detail)
		c.word(&reason.Remedy)
		c.text(&reason.Node)
		c.text(&reason.Log)
		c.text(&reason.Change)
	})
	each(c, &r.Caveats, func(caveat *results.Caveat) {
		c.word((*string)(&caveat.Metric))
		c.word((*string)(&caveat.Code))
	})
	c.planned(r)
	each(c, (*[]*float64)(&r.Metrics), func(v **float64) { perhaps(c, v, c.float) })
	c.job(&r.Job)
	p := &r.Provenance
	for _, s := range []**string{&p.ImageSHA256, &p.CheckpointSHA256, &p.Driver, &p.CUDA, &p.NCCL, &p.Clocks} {
		perhaps(c, s, c.word)
	}
	perhaps(c, &p.PowerCapW, c.float)
}

func (c *codec) settings(e *plan.ExecutorIdentity) {
	for _, list := range []*[]string{&e.Launcher, &e.Prolog, &e.ExtraArgs} {
		each(c, list, c.word)
	}
	c.word(&e.MPI)
	c.bool(&e.Exclusive)
	c.int(&e.CPUsPerTask)
	c.bool(&e.Simulated)
}

func (c *codec) planned(r *results.Result) {
	for _, s := range []*string{
		&r.Model.Label, &r.Model.Checkpoint, &r.Hardware.Label, &r.Hardware.GPU, &r.Image.Label, &r.Image.TRTLLMVersion, &r.UseCase.Label,
	} {
		c.word(s)
	}
	c.int(&r.Hardware.GPUs)
	c.int(&r.Hardware.Nodes)
	perhaps(c, &r.UseCase.ISL, c.int)
	perhaps(c, &r.UseCase.OSL, c.int)
	c.arguments(&r.Arguments)
}

// arguments visits the names of arguments; their values are not in a brief.
func (c *codec) arguments(a *trtllm.Arguments) {
	names := ""
	if !c.reading {
		names = strings.Join(slices.Sorted(maps.Keys(*a)), " ")
	}
	if c.word(&names); !c.reading {
		return
	}
	if have, ok := c.words.named.Load(names); ok {
		*a = have.(trtllm.Arguments)
		return
	}
	*a = trtllm.Arguments{}
	for name := range strings.FieldsSeq(names) {
		(*a)[name] = nil
	}
	c.words.named.Store(names, *a)
}

func (c *codec) job(j *results.Job) {
	perhaps(c, &j.ID, c.text)
	each(c, &j.Nodes, c.word)
	perhaps(c, &j.Submitted, c.time)
	perhaps(c, &j.Started, c.time)
	perhaps(c, &j.Ended, c.time)
}

// logs are the files that a result names, and where.
var logs = []struct {
	name string
	path func(*results.Files) **string
}{
	{jobdir.StdoutFile, func(f *results.Files) **string { return &f.Stdout }},
	{jobdir.StderrFile, func(f *results.Files) **string { return &f.Stderr }},
	{jobdir.JobOutFile, func(f *results.Files) **string { return &f.JobOut }},
	{jobdir.ReportFile, func(f *results.Files) **string { return &f.Report }},
}

// place completes a brief with what its place in the store tells.
func (o *outcome) place(a *Attempt) {
	r := o.result
	r.Cluster, r.Job.Cluster, r.Sample, r.Attempt = a.Key.Cluster, a.Key.Cluster, a.Sample, a.Number
	for i, l := range logs {
		if o.logs>>(len(logs)-1-i)&1 == 1 {
			p := a.Dir + string(filepath.Separator) + l.name
			*l.path(&r.Files) = &p
		}
	}
}

// encode writes a history with the stamp that it holds under.
func (h *history) encode(w *words, sum int64) string {
	c := &codec{words: w}
	c.whole(&sum)
	h.visitShape(c)
	h.visitOutcomes(c)
	return string(c.out)
}

// decodeShape reads the shape of a history and the stamp that it holds under; rest
// is what decodeOutcomes goes on with.
func decodeShape(w *words, fingerprint, raw string) (h *history, sum int64, rest *codec, ok bool) {
	h, rest = &history{fingerprint: fingerprint}, &codec{words: w, reading: true, in: raw}
	rest.whole(&sum)
	h.visitShape(rest)
	return h, sum, rest, !rest.bad
}

// decode reads a history that encode wrote.
func decode(w *words, fingerprint, raw string) (*history, bool) {
	h, _, rest, ok := decodeShape(w, fingerprint, raw)
	if !ok {
		return nil, false
	}
	h.visitOutcomes(rest)
	return h, !rest.bad && rest.in == ""
}
