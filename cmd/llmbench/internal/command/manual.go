package command

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"

	"github.com/llmbench/llmbench/cmd/llmbench/internal/view"
	"github.com/llmbench/llmbench/executors"
	"github.com/llmbench/llmbench/executors/jobdir"
	"github.com/llmbench/llmbench/plan"
	"github.com/llmbench/llmbench/plan/document"
)

// writeScripts writes one self-contained job script per run, which sbatch takes
// by hand and whose results land in the store like any other's.
func (s *session) writeScripts(ctx context.Context, p *plan.Plan, dir string) error {
	if err := s.haveScripts(p); err != nil {
		return err
	}
	if err := s.store.Create(); err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	c := &executors.Campaign{Plan: p, Store: s.store, Backends: s.sites.backends(), Vocabulary: s.vocabulary, Log: s.env.log}
	var written []string
	for _, r := range p.Runs {
		st := s.sites.of(r)
		data, err := c.Dataset(ctx, r)
		if err != nil {
			return err
		}
		name := strings.NewReplacer("/", ".", "=", "-").Replace(r.Address)
		script := st.Target.(executors.ManualScripter).ManualScript(r, executors.ManualPaths{
			Folder: s.store.KeyDir(s.sites.keyOf(r)), Files: filepath.Join(dir, name+".files"),
			Store: s.store.Dir(), Dataset: data, Cluster: st.Cluster,
		})
		path, err := writeManual(dir, name, r, script)
		if err != nil {
			return err
		}
		written = append(written, path)
	}
	return view.List(s.env.streams.Out, "\nJob scripts, for sbatch by hand:", written)
}

// haveScripts refuses a plan with a run that no script can be written for.
func (s *session) haveScripts(p *plan.Plan) error {
	for _, r := range p.Runs {
		st := s.sites.of(r)
		if _, ok := st.Target.(executors.ManualScripter); !ok {
			return fmt.Errorf("%s runs on executor %q, which has no job scripts", r.Address, r.Executor.Type)
		}
		if r.Shared() {
			return fmt.Errorf("%s shares an engine with other runs of its job, and a script for sbatch by hand has one run: apply it, or set engine = \"fresh\"", r.Address)
		}
		if st.Cluster == "" {
			return errors.New("the name of the cluster is not known here, and results are kept by it: write the scripts on a login node, or set cluster in the executor")
		}
	}
	return nil
}

func writeManual(dir, name string, r *plan.Run, script string) (string, error) {
	files := filepath.Join(dir, name+".files")
	if err := os.MkdirAll(files, 0o755); err != nil {
		return "", err
	}
	run, err := json.Marshal(document.NewRun(r, r.Jobs()...))
	if err != nil {
		return "", err
	}
	content := map[string]string{
		jobdir.RunFile: string(run) + "\n", jobdir.IdentityFile: string(plan.NewIdentity(r, r.Settings).Canonical()) + "\n",
	}
	maps.Copy(content, r.Command().Files)
	for n, text := range content {
		if err := os.WriteFile(filepath.Join(files, n), []byte(text), 0o644); err != nil {
			return "", err
		}
	}
	path := filepath.Join(dir, name+".sh")
	return path, os.WriteFile(path, []byte(script), 0o755)
}
