// Package document has the JSON forms of plans and runs. A run's command and its job
// follow from the run: they are rendered where it is shown, saved or submitted.
package document

import (
	"bufio"
	"bytes"
	"io"
	"runtime"
	"slices"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	jsonv1 "github.com/go-json-experiment/json/v1"
	"golang.org/x/sync/errgroup"

	"github.com/llmbench/llmbench/plan"
)

// A Run is an element of "runs" in the plan document, and what an attempt's run.json
// holds. Every key is always there; null is "not applicable" or "not known".
type Run struct {
	plan.Run
	Job   Job         `json:"job"`
	Steps []plan.Step `json:"steps"`
}

// Job is what a run's document says of its job. Name is the stem of the job's name.
// Argv and Script are null where nothing is submitted, and where the run shares its
// job with those of PackedWith: "packs" has that job then.
type Job struct {
	Name       string   `json:"name"`
	Argv       []string `json:"argv"`
	Script     *string  `json:"script"`
	PackedWith []string `json:"packed_with"`
}

// NewRun is the document of a run that these jobs measure: several where its samples
// share different ones.
func NewRun(r *plan.Run, jobs ...*plan.Job) *Run {
	out := &Run{Run: *r, Job: Job{PackedWith: []string{}}, Steps: []plan.Step{r.Command()}}
	for i, j := range jobs {
		if i == 0 {
			out.Job.Name = j.Name
		}
		if len(j.Runs) == 1 {
			out.Job.Argv = j.Argv
			if j.Script != "" {
				out.Job.Script = &j.Script
			}
		}
		for _, address := range j.Runs {
			if address != r.Address && !slices.Contains(out.Job.PackedWith, address) {
				out.Job.PackedWith = append(out.Job.PackedWith, address)
			}
		}
	}
	return out
}

// Planned is the run of a document that was read.
func (r *Run) Planned() *plan.Run {
	out := r.Run
	if len(r.Steps) > 0 {
		out.Facts = r.Steps[0].Files[plan.FactsFile]
	}
	return &out
}

// Argv is the run's command as it was stored, empty where there is none.
func (r *Run) Argv() []string {
	if len(r.Steps) == 0 {
		return []string{}
	}
	return r.Steps[0].Argv
}

// Upgrade is plan.Run.Upgrade for a document that was read; submission is that of the
// job that ran it.
func (r *Run) Upgrade(simulated bool, submission []string) {
	script := ""
	if r.Job.Script != nil {
		script = *r.Job.Script
	}
	r.Run.Upgrade(simulated, r.Argv(), script, submission)
}

// Alone is the job of a run that was stored with it and that ran no other sample.
func (r *Run) Alone() *plan.Job {
	j := &plan.Job{
		Name: r.Job.Name, Runs: []string{r.Address}, GPUs: r.Hardware.GPUs, TimeLimitSeconds: r.TimeLimitSeconds, Argv: r.Job.Argv,
	}
	if r.Job.Script != nil {
		j.Script = *r.Job.Script
	}
	return j
}

// frameOf is a plan without its runs, which have documents of their own.
func frameOf(p *plan.Plan) plan.Plan {
	f := *p
	f.Runs = []*plan.Run{}
	return f
}

// Write writes the document of a plan as indented JSON, some runs at a time: memory
// does not grow with what is written.
func Write(w io.Writer, p *plan.Plan) error {
	return write(w, p, p.Runs, func(r *plan.Run) any { return NewRun(r, r.Jobs()...) })
}

func write[T any](w io.Writer, p *plan.Plan, runs []T, element func(T) any) error {
	var b bytes.Buffer
	if err := encode(&b, frameOf(p), jsontext.WithIndent("  ")); err != nil {
		return err
	}
	// Only keys of the document stand behind so few spaces.
	const key = "\n  \"runs\": "
	head, tail, _ := bytes.Cut(b.Bytes(), []byte(key+"[]"))
	out := bufio.NewWriterSize(w, 256<<10)
	out.Write(head)
	out.WriteString(key)
	if err := WriteList(out, runs, element); err != nil {
		return err
	}
	out.Write(tail)
	return out.Flush()
}

// WriteList writes a list of a document, which its keys are indented in once. The
// elements are made by all processors, some at a time.
func WriteList[T any](out *bufio.Writer, list []T, element func(T) any) error {
	out.WriteByte('[')
	comma := ""
	err := inTurn(list, func(v T, w io.Writer) error {
		return encode(w, element(v), jsontext.WithIndentPrefix("    "), jsontext.WithIndent("  "))
	}, func(made []byte) error {
		out.WriteString(comma + "\n    ")
		comma = ","
		_, err := out.Write(bytes.TrimSuffix(made, []byte("\n")))
		return err
	})
	if err != nil {
		return err
	}
	if len(list) > 0 {
		out.WriteString("\n  ")
	}
	return out.WriteByte(']')
}

// inTurn has all processors make something of the elements, some at a time, and uses what
// was made in their order.
func inTurn[T any](list []T, make func(T, io.Writer) error, use func([]byte) error) error {
	var made [32]bytes.Buffer
	processors := runtime.GOMAXPROCS(0)
	for piece := range slices.Chunk(list, len(made)) {
		var g errgroup.Group
		for first := range processors {
			g.Go(func() error {
				for i := first; i < len(piece); i += processors {
					made[i].Reset()
					if err := make(piece[i], &made[i]); err != nil {
						return err
					}
				}
				return nil
			})
		}
		if err := g.Wait(); err != nil {
			return err
		}
		for i := range piece {
			if err := use(made[i].Bytes()); err != nil {
				return err
			}
		}
	}
	return nil
}

// encode writes a value and the end of a line as an Encoder of encoding/json does that
// leaves HTML as it is, and indents in the same pass.
func encode(w io.Writer, v any, indent ...jsonv2.Options) error {
	form := append(indent, jsonv1.DefaultOptionsV1(), jsontext.EscapeForHTML(false))
	if err := jsonv2.MarshalWrite(w, v, form...); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}
