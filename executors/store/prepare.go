package store

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/llmbench/llmbench/executors/jobdir"
	"github.com/llmbench/llmbench/plan"
	"github.com/llmbench/llmbench/plan/document"
)

// Prepared is what goes into an attempt's folder before its job is submitted.
type Prepared struct {
	Run *plan.Run
	// Job is the one that measures the run, alone or among others; its script is
	// written where the folder is the job's too.
	Job *plan.Job
	// Identity is what the run's fingerprint is the SHA-256 of.
	Identity []byte
	// Dataset is the absolute path of the data set.
	Dataset string
	Intent  jobdir.Intent
	// Vars and Secrets are NAME=VALUE. Vars are read by the job script; secrets
	// too, from a file that only their owner can read. Hidden are further values
	// that are removed from the logs of a job that has secrets.
	Vars, Secrets, Hidden []string
}

// Fill writes what the folder holds before the intent, which it returns with the list
// of that. Until it is there nobody waits for the attempt, and Discard removes it.
func (a *Attempt) Fill(p Prepared) (jobdir.Intent, error) {
	files, err := p.files()
	if err != nil {
		return p.Intent, err
	}
	if len(p.Secrets) > 0 {
		if err := a.hide(); err != nil {
			return p.Intent, err
		}
	}
	if p.Intent.Files, err = jobdir.FillFiles(a.Dir, files); err != nil {
		return p.Intent, err
	}
	return p.Intent, a.linkDataset(p.Dataset)
}

// DeferTorn gives an attempt back that no job has claimed and whose files, or those of
// its job, are not what the intent lists: the host that wrote them crashed. It returns
// which file that is, "" for none and where a job was first.
func (a *Attempt) DeferTorn() (string, error) {
	l, err := jobdir.List(a.Dir)
	if err != nil || l.Has(jobdir.ClaimFile) {
		return "", err
	}
	job, err := a.Job()
	if err != nil {
		return "", err
	}
	for _, folder := range []jobdir.Folder{a.Folder, job.Folder} {
		intent, err := folder.Intent()
		if err != nil || intent == nil {
			return "", err
		}
		torn, err := folder.Torn(intent.Files)
		if err != nil {
			return "", err
		}
		if torn == "" {
			continue
		}
		if given, err := a.Defer(torn + " is not what was written: the host crashed"); err != nil || given {
			return torn, err
		}
	}
	return "", nil
}

// Discard removes the folder of an attempt without an intent.
func (a *Attempt) Discard() error {
	if jobdir.Seen(a.Dir, jobdir.IntentFile) {
		return nil
	}
	return errors.Join(a.Folder.Discard(), a.Redact())
}

// files lists the files of p.
func (p Prepared) files() ([]jobdir.File, error) {
	doc := document.NewRun(p.Run, p.Job)
	run, err := json.Marshal(doc)
	if err != nil {
		return nil, err
	}
	vars, err := environment(p.Vars)
	if err != nil {
		return nil, err
	}
	out := []jobdir.File{{Name: jobdir.RunFile, Data: append(run, '\n'), Perm: 0o644}, {Name: jobdir.VarsFile, Data: vars, Perm: 0o644}}
	if p.Identity != nil {
		out = append(out, jobdir.File{Name: jobdir.IdentityFile, Data: append(slices.Clone(p.Identity), '\n'), Perm: 0o644})
	}
	for name, text := range doc.Steps[0].Files {
		out = append(out, jobdir.File{Name: name, Data: []byte(text), Perm: 0o644})
	}
	if doc.Job.Script != nil {
		out = append(out, jobdir.File{Name: jobdir.ScriptFile, Data: []byte(*doc.Job.Script), Perm: 0o755})
	}
	if len(p.Secrets) > 0 {
		secrets, err := environment(p.Secrets)
		if err != nil {
			return nil, err
		}
		for _, value := range p.Hidden {
			if !strings.ContainsAny(value, "\n\r\x00") {
				secrets = append(secrets, "="+value+"\n"...)
			}
		}
		out = append(out, jobdir.File{Name: jobdir.SecretsFile, Data: secrets, Perm: 0o600})
	}
	return out, nil
}

// environment is a file of NAME=VALUE lines. Values stand as they are, so a
// line break cannot be in one; errors do not show values.
func environment(pairs []string) ([]byte, error) {
	var b bytes.Buffer
	for _, pair := range pairs {
		name, value, ok := strings.Cut(pair, "=")
		if !ok || name == "" {
			return nil, fmt.Errorf("an environment entry has no name")
		}
		if strings.ContainsAny(value, "\n\r\x00") {
			return nil, fmt.Errorf("the value of %s holds a line break, which an environment file cannot", name)
		}
		b.WriteString(pair)
		b.WriteByte('\n')
	}
	return b.Bytes(), nil
}

// linkDataset links the data set into the folder: relative when it lies in the
// store, so that a store can be moved or seen at another place.
func (a *Attempt) linkDataset(path string) error {
	if path == "" {
		return nil
	}
	if !filepath.IsAbs(path) {
		return fmt.Errorf("the data set's path %s is not absolute", path)
	}
	file := path
	if inside, err := filepath.Rel(a.store.dir, path); err == nil && filepath.IsLocal(inside) {
		if file, err = filepath.Rel(a.Dir, path); err != nil {
			return err
		}
	}
	return jobdir.Symlink(file, filepath.Join(a.Dir, jobdir.DatasetFile))
}
