package command

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/llmbench/llmbench/cmd/llmbench/internal/view"
	"github.com/llmbench/llmbench/executors/store"
	"github.com/llmbench/llmbench/plan"
	"github.com/llmbench/llmbench/plan/document"
)

// A savedDesk holds definitions and a plan of them that was saved.
type savedDesk struct {
	dir, file string
	env       *env
}

func newSavedDesk(t *testing.T) savedDesk {
	t.Helper()
	d := savedDesk{dir: t.TempDir(), env: &env{environ: []string{}, streams: &view.Streams{Out: io.Discard, Err: io.Discard}, signal: &signalContext{Context: t.Context()}}}
	if err := os.Chmod(d.dir, 0o755); err != nil {
		t.Fatal(err)
	}
	const example = "../../../../examples/llama4-maverick/"
	for _, name := range []string{"main.hcl"} {
		b, err := os.ReadFile(example + name)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(d.dir, name), b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	d.file = filepath.Join(d.dir, "saved")
	s := d.env.load(definitionFlags{Dir: d.dir, Store: filepath.Join(d.dir, "store"), Executor: "simulate"})
	p, diags := s.proven(plan.Selection{Addresses: []string{"use_case=chat"}})
	if diags.HasErrors() || len(p.Runs) == 0 {
		t.Fatal(diags)
	}
	if err := savePlan(d.file, p); err != nil {
		t.Fatal(err)
	}
	return d
}

// What only tells where a plan was made may differ: nothing of a simulation depends on
// these variables.
var told = []string{".llmbench_version", ".saved", ".git", ".undeclared", ".diagnostics", ".store", ".variables.executor", ".variables.partition"}

// Whatever else differs in a plan from what follows from its definitions is refused, in
// its document and in the form in which it is saved, and a malformed one is an error.
func TestSavedPlanIsRecomputed(t *testing.T) {
	d := newSavedDesk(t)
	text, err := os.ReadFile(d.file)
	if err != nil {
		t.Fatal(err)
	}
	var lines []any
	for dec := json.NewDecoder(bytes.NewReader(text)); dec.More(); {
		var line any
		if err := dec.Decode(&line); err != nil {
			t.Fatal(err)
		}
		lines = append(lines, line)
	}
	want := d.document(t, told)
	for _, form := range []struct {
		values []any
		others func(was any) []any
		least  int
	}{
		{[]any{d.document(t, nil)}, func(any) []any { return []any{nil, "x", []any{nil}} }, 300},
		{lines, func(was any) []any {
			switch was := was.(type) {
			case string:
				return []any{strings.Replace(was, "1", "2", 1)}
			case float64:
				return []any{was + 1}
			}
			return []any{nil}
		}, 250},
	} {
		tried := 0
		walk("", form.values, func(path string, was any, set func(any)) {
			for _, put := range form.others(was) {
				if reflect.DeepEqual(put, was) || path == "[0].saved" {
					continue
				}
				set(put)
				var b bytes.Buffer
				for _, v := range form.values {
					if err := json.NewEncoder(&b).Encode(v); err != nil {
						t.Fatal(err)
					}
				}
				set(was)
				if err := os.WriteFile(d.file, b.Bytes(), 0o644); err != nil {
					t.Fatal(err)
				}
				tried++
				saved, err := readPlan(d.file)
				if err != nil {
					continue
				}
				if err := (view.PlanView{Plan: saved.Plan.Plan, Source: saved.source()}).Text(io.Discard); err != nil {
					t.Errorf("%s = %v: %v", path, put, err)
				}
				if _, _, diags, err := d.env.reload(saved); err == nil && !diags.HasErrors() && !reflect.DeepEqual(d.document(t, told), want) {
					t.Errorf("%s = %v is applied", path, put)
				}
			}
		})
		if tried < form.least {
			t.Errorf("only %d changes were tried", tried)
		}
	}
}

// document is that of the plan in the file; where some keys are to be null, so is what
// null is read as.
func (d savedDesk) document(t *testing.T, null []string) any {
	t.Helper()
	saved, err := readPlan(d.file)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := saved.Write(&b); err != nil {
		t.Fatal(err)
	}
	var v any
	if err := json.Unmarshal(b.Bytes(), &v); err != nil {
		t.Fatal(err)
	}
	walk("", v, func(path string, was any, set func(any)) {
		if null != nil && (slices.Contains(null, path) || was == 0.0 || was == false || was == "") {
			set(nil)
		}
	})
	return v
}

// A saved plan has at most 3 kB a run, and is read as it was made.
func TestSavedPlanIsSmall(t *testing.T) {
	const definitions = "../../../../examples/sweep"
	e := &env{environ: []string{"SBATCH_ACCOUNT=perf"}, streams: &view.Streams{Out: io.Discard, Err: io.Discard}, signal: &signalContext{Context: t.Context()}}
	dir := t.TempDir()
	main, err := os.ReadFile(filepath.Join(definitions, "main.hcl"))
	if err != nil {
		t.Fatal(err)
	}
	blocks, _, _ := strings.Cut(string(main), "\nbenchmark ")
	if err := os.WriteFile(filepath.Join(dir, "main.hcl"), []byte(blocks+`
benchmark "load" {
  model          = model.llama4_maverick
  hardware       = hardware.gb200x8
  image          = image.rc4
  time_limit     = "4h"
  tp             = 8
  ep             = 8
  max_num_tokens = 8192
  num_requests   = 4 * each.concurrency
  use_case "chat" {}
  matrix {
    concurrency    = [for i in range(1, 41) : 8 * i]
    max_batch_size = [for i in range(1, 11) : 64 * i]
  }
}`), 0o644); err != nil {
		t.Fatal(err)
	}
	s := e.load(definitionFlags{Dir: dir})
	p, diags := s.proven(plan.Selection{})
	if diags.HasErrors() || len(p.Runs) != 400 {
		t.Fatal(len(p.Runs), diags)
	}
	file := filepath.Join(dir, "saved")
	if err := savePlan(file, p); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(file); err != nil || info.Size() > 400*3000 {
		t.Errorf("400 runs have %d bytes", info.Size())
	}
	saved, err := readPlan(file)
	if err != nil {
		t.Fatal(err)
	}
	var want, got bytes.Buffer
	if err := errors.Join(document.Write(&want, p), saved.Write(&got)); err != nil || !bytes.Equal(want.Bytes(), got.Bytes()) {
		t.Errorf("%v, or the plan that was read is another", err)
	}
}

// A plan is its user's own where nobody else may have written it, its definitions, or
// the folders that lead there.
func TestForeignPlans(t *testing.T) {
	for name, c := range map[string]struct {
		change func(d *savedDesk) error
		want   string // "" for the user's own
	}{
		"own":                  {func(*savedDesk) error { return nil }, ""},
		"plan":                 {func(d *savedDesk) error { return os.Chmod(d.file, 0o664) }, "/saved can be written by others (mode 0664)"},
		"definitions":          {func(d *savedDesk) error { return os.Chmod(filepath.Join(d.dir, "main.hcl"), 0o646) }, "/main.hcl can be written by others (mode 0646)"},
		"folder":               {func(d *savedDesk) error { return os.Chmod(d.dir, 0o775) }, " can be written by others (mode 0775)"},
		"sticky folder":        {func(d *savedDesk) error { return os.Chmod(d.dir, 0o777|fs.ModeSticky) }, ""},
		"link":                 {linked(0o755, 0o600), ""},
		"link to another's":    {linked(0o755, 0o666), "/target can be written by others (mode 0666)"},
		"link in a bad folder": {linked(0o777, 0o600), " can be written by others (mode 0777)"},
		"another's plan":       {func(d *savedDesk) error { return os.Chown(d.file, 65534, -1) }, "/saved belongs to "},
		"another's folder":     {func(d *savedDesk) error { return os.Chown(d.dir, 65534, -1) }, " belongs to "},
	} {
		t.Run(name, func(t *testing.T) {
			if strings.HasPrefix(name, "another's") && os.Geteuid() != 0 {
				t.Skip("only root gives files away")
			}
			d := newSavedDesk(t)
			if err := c.change(&d); err != nil {
				t.Fatal(err)
			}
			saved, err := readPlan(d.file)
			if err != nil {
				t.Fatal(err)
			}
			got := strings.Join(saved.foreign(saved.Inputs), ", ")
			if got != "" != (c.want != "") || !strings.Contains(got, c.want) {
				t.Errorf("%q, want %q", got, c.want)
			}
			var asked bytes.Buffer
			e := &env{streams: &view.Streams{In: strings.NewReader("no\n"), Out: &asked, Err: &asked, Interactive: true}}
			p := &plan.Plan{Runs: []*plan.Run{{}}, Summary: plan.Summary{Measure: 1, GPUHoursLimit: 4}}
			f := applyFlags{Plan: d.file, foreign: saved.foreign(saved.Inputs)}
			if err := e.approve(p, nil, f); (err != nil) != (c.want != "") || !strings.Contains(asked.String(), c.want) {
				t.Errorf("%v, asked %q", err, asked.String())
			}
			f.AutoApprove = true
			if err := e.approve(p, nil, f); err != nil {
				t.Error(err)
			}
		})
	}
}

// linked has the plan read through a link in a folder of one mode to a file of another.
func linked(folder, file os.FileMode) func(*savedDesk) error {
	return func(d *savedDesk) error {
		target, links := filepath.Join(d.dir, "target"), filepath.Join(d.dir, "links")
		err := errors.Join(os.Rename(d.file, target), os.Chmod(target, file), os.Mkdir(links, 0o755), os.Chmod(links, folder))
		d.file = filepath.Join(links, "saved")
		return errors.Join(err, os.Symlink(target, d.file))
	}
}

// walk visits all values below v, with what puts another in the place of each.
func walk(path string, v any, visit func(path string, was any, set func(any))) {
	switch v := v.(type) {
	case map[string]any:
		for key, value := range v {
			visit(path+"."+key, value, func(put any) { v[key] = put })
			walk(path+"."+key, value, visit)
		}
	case []any:
		for i, value := range v {
			visit(fmt.Sprintf("%s[%d]", path, i), value, func(put any) { v[i] = put })
			walk(fmt.Sprintf("%s[%d]", path, i), value, visit)
		}
	}
}

// status -watch goes on between two jobs as long as an apply may start the next.
func TestApplyingIsWatched(t *testing.T) {
	d := newSavedDesk(t)
	f := definitionFlags{Dir: d.dir, Store: filepath.Join(d.dir, "store")}
	watched := func(want bool) {
		t.Helper()
		code, applying, err := d.env.runStatus(t.Context(), f.on("simulate"), false)
		if err != nil || code != exitFailed || applying != want {
			t.Errorf("exit %d, applying %v, %v; want %v", code, applying, err, want)
		}
	}
	watched(false)
	lease, err := store.Open(f.Store).Acquire(t.Context(), store.Self("apply"))
	if err != nil {
		t.Fatal(err)
	}
	watched(true)
	if err := lease.Release(); err != nil {
		t.Fatal(err)
	}
	watched(false)
}
