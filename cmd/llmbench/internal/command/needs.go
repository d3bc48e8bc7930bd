package command

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"github.com/hashicorp/hcl/v2"

	"github.com/llmbench/llmbench/executors"
	"github.com/llmbench/llmbench/executors/prepare"
	"github.com/llmbench/llmbench/plan"
	"github.com/llmbench/llmbench/schema"
)

// needs are what the runs of a plan read, each once, in the order of the runs.
type needs struct {
	weights []placed[prepare.Weights]
	images  []placed[prepare.Image]
	data    []*plan.Run // one for each data set
	files   []plan.NamedFile
	// left are checks of what cannot be looked at.
	left []executors.Check
}

// A placed thing is read by the runs of a site.
type placed[T any] struct {
	it   T
	site *site
}

// needs are what runs on this site's Slurm read; simulated runs read data sets
// alone.
func (s *session) needs(p *plan.Plan) needs {
	var n needs
	seen := map[string]bool{}
	first := func(key string) bool {
		defer func() { seen[key] = true }()
		return !seen[key]
	}
	for _, r := range p.Runs {
		if first(dataOf(r)) {
			n.data = append(n.data, r)
		}
		st := s.sites.of(r)
		if st.Scheduler == nil || st.Simulated {
			continue
		}
		switch w := s.newWeights(r.Model); {
		case w.Path != "" && first(fmt.Sprint(w)):
			n.weights = append(n.weights, placed[prepare.Weights]{w, st})
		case w.Path == "" && first(w.Checkpoint):
			n.left = append(n.left, executors.Check{Name: "weights", Result: executors.CheckWarn,
				Detail: w.Checkpoint + " has no path: jobs look in the Hugging Face cache of their node, without a network",
				Remedy: "set model.path, on a file system that all nodes share"})
		}
		for _, f := range r.Files() {
			if first(fmt.Sprint(f)) {
				n.files = append(n.files, f)
			}
		}
		if file := st.Scheduler.ImageFile(r.Image.Name); file != "" {
			if i := s.newImage(r, file); first(fmt.Sprint(i)) {
				n.images = append(n.images, placed[prepare.Image]{i, st})
			}
		}
	}
	return n
}

// dataOf is the same for runs that read the same data set.
func dataOf(r *plan.Run) string {
	use := r.UseCase
	use.Label = ""
	b, err := json.Marshal([]any{r.Dataset, use, r.Model.Checkpoint})
	if err != nil {
		panic("command: a run is not JSON: " + err.Error())
	}
	return string(b)
}

func (s *session) newWeights(m plan.Model) prepare.Weights {
	w := prepare.Weights{Checkpoint: m.Checkpoint, Quantization: m.Quantization}
	if m.Path != nil {
		w.Path = *m.Path
	}
	if m.Revision != nil {
		w.Revision = *m.Revision
	}
	if model, c, ok := s.defs.Catalog.Model(m.Checkpoint); ok {
		w.Base, w.Bytes, w.Shards = c.Base, c.Bytes, c.Shards
		w.Name, w.Layers, w.Hidden = model.Name, model.Layers, model.Hidden
	}
	return w
}

func (s *session) newImage(r *plan.Run, file string) prepare.Image {
	i := prepare.Image{Name: r.Image.Name, Version: r.Image.TRTLLMVersion, File: file}
	if r.Image.Digest != nil {
		i.Digest = *r.Image.Digest
	}
	if gpu, ok := s.defs.Catalog.GPU(r.Hardware.GPU); ok {
		i.Arch = gpu.CPU
	}
	return i
}

// verify looks at weights and images as far as that takes no time.
func (n needs) verify(ctx context.Context) []executors.Check {
	out := append([]executors.Check{}, n.left...)
	for _, w := range n.weights {
		out = append(out, w.it.Verify(ctx)...)
	}
	for _, i := range n.images {
		out = append(out, i.it.Verify(ctx)...)
	}
	for _, f := range n.files {
		out = append(out, checkFile(f))
	}
	return out
}

// checkFile looks whether a file that a flag or an option names is here.
func checkFile(f plan.NamedFile) executors.Check {
	c := executors.Check{Name: "file", Result: executors.CheckOK, Detail: f.Path + " (" + f.Argument + ")"}
	if _, err := os.Stat(f.Path); err != nil {
		c.Result, c.Detail = executors.CheckFail, fmt.Sprintf("%s: %v", f.Argument, err)
		c.Remedy = "correct the path, or copy the file to a file system that all nodes share"
	}
	return c
}

// maker is what makes and finds data sets.
func (s *session) maker(p *plan.Plan) *executors.Campaign {
	return &executors.Campaign{Plan: p, Store: s.store, Backends: s.sites.backends(), Vocabulary: s.vocabulary, Log: s.env.log}
}

// checkDataSpace refuses data sets that are to be made and do not fit beside the
// store; there is no check where they do.
func (s *session) checkDataSpace(p *plan.Plan, n needs) []executors.Check {
	if c := prepare.CheckDatasetSpace(s.store.Dir(), s.dataToWrite(p, n)); c != nil {
		return []executors.Check{*c}
	}
	return nil
}

// dataToWrite is how many bytes the data sets take at most that are to be made.
func (s *session) dataToWrite(p *plan.Plan, n needs) int64 {
	var bytes int64
	for _, r := range n.data {
		if r.Dataset.Generator == nil {
			continue
		}
		if _, ok := s.maker(p).FindDataset(r); !ok {
			bytes += prepare.DatasetBytes(r.Dataset.Rows, *r.UseCase.ISL)
		}
	}
	return bytes
}

// contradictions are errors for models whose checkpoint is here and says that it
// has another quantization than is declared.
func (s *session) contradictions(p *plan.Plan) hcl.Diagnostics {
	var diags hcl.Diagnostics
	seen := map[string]bool{}
	for _, r := range p.Runs {
		if r.Model.Path == nil || seen[r.Model.Label] {
			continue
		}
		seen[r.Model.Label] = true
		c := s.newWeights(r.Model).Contradicted()
		if c == nil {
			continue
		}
		diags = append(diags, &hcl.Diagnostic{
			Severity: hcl.DiagError, Summary: "Checkpoint contradicts its quantization",
			Detail: fmt.Sprintf("Model %q is declared as %s, and %s says that the checkpoint there is %s. Correct path, or declare the checkpoint that is there.",
				r.Model.Label, r.Model.Quantization, filepath.Join(*r.Model.Path, c.File), c.Says),
			Subject: s.quantizationOf(r.Model.Label), Extra: plan.About{Address: r.Address},
		})
	}
	return diags
}

// quantizationOf is the place of a model's quantization.
func (s *session) quantizationOf(label string) *hcl.Range {
	for _, m := range s.defs.Models {
		if m.Label == label {
			return placeOf(m, "quantization")
		}
	}
	return nil
}

func placeOf(m *schema.Model, argument string) *hcl.Range {
	if r, ok := m.Ranges[argument]; ok {
		return &r
	}
	return &m.Range
}
