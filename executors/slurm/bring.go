package slurm

import (
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/google/renameio/v2"

	"github.com/llmbench/llmbench/executors"
	"github.com/llmbench/llmbench/executors/jobdir"
)

//go:embed bring.sh
var bringTemplate string

// Prepare is where jobs bring what runs read; such a job asks for no GPU.
type Prepare struct {
	Partition string
	TimeLimit time.Duration
}

// A Bring is a command that brings something to Path, as a job.
type Bring struct {
	Path string
	Argv []string
	// Env is NAME=VALUE. It may hold secrets: it goes to the job in a file that
	// only its owner can read and that the job removes.
	Env []string
	// Clean is called before a job is submitted, Look while it goes on.
	Clean, Look func()
}

// bringCPUs is for how many processors such a job asks: packing an image keeps
// them busy.
const bringCPUs = 4

// Bring runs the command as a job in the prepare block's partition and waits for
// its end. A job that an earlier call submitted, or may have, is found and
// followed; when ctx ends the job goes on.
func (c *Config) Bring(ctx context.Context, b Bring, say func(format string, args ...any)) error {
	a, err := c.bringJob(b, say)
	if err != nil {
		return err
	}
	id, err := a.submit(ctx)
	if err == nil {
		say("job %s in partition %s downloads %s", executors.JobID(id), c.Prepare.Partition, b.Path)
		err = a.follow(ctx, id, b.Look)
	}
	if err != nil && ctx.Err() != nil {
		say("job %s keeps running; another `llmbench prepare` follows it", a.job.Name)
		return err
	}
	defer os.RemoveAll(a.job.Dir)
	if err != nil || a.unsure {
		a.stop()
	}
	if err != nil {
		return err
	}
	return outcome(a.job.Dir, b.Argv[0])
}

// bringJob is the job that brings b.Path. Its folder follows from the path, so
// that whoever wants the same finds it, and the name of the job in it.
func (c *Config) bringJob(b Bring, say func(format string, args ...any)) (*auxiliary, error) {
	stem, nonce := stemOf(b.Path), newNonce()
	dir := filepath.Join(filepath.Dir(b.Path), ".llmbench-job-"+filepath.Base(b.Path))
	script := bringScript(dir, b.Argv)
	if name, since, ok := intended(dir, stem); ok {
		a := c.auxiliary(name, dir, c.bringOptions(name), say)
		a.job.Resumed, a.job.NotBefore = true, since
		return a, renameio.WriteFile(filepath.Join(dir, jobdir.ScriptFile), []byte(script), 0o755) // what is asked for now, if it has to be submitted
	}
	b.Clean()
	if err := os.RemoveAll(dir); err != nil {
		return nil, err
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		return nil, err
	}
	var env strings.Builder
	for _, pair := range b.Env {
		if !strings.ContainsAny(pair, "\n\x00") {
			env.WriteString(pair + "\n")
		}
	}
	if err := renameio.WriteFile(filepath.Join(dir, "environment"), []byte(env.String()), 0o600); err != nil {
		return nil, err
	}
	name := stem + "-" + nonce[:6]
	a := c.auxiliary(name, dir, c.bringOptions(name), say)
	return a, a.write(script, nonce)
}

// stemOf begins the names of the jobs that bring path.
func stemOf(path string) string {
	sum := sha256.Sum256([]byte(path))
	return namePrefix + "prepare-" + hex.EncodeToString(sum[:6])
}

// intended is the job that was about to be submitted from a folder. Version 0.1.0
// wrote no intent: its jobs are called by the stem.
func intended(dir, stem string) (name string, since time.Time, ok bool) {
	info, err := os.Stat(filepath.Join(dir, jobdir.ScriptFile))
	if err != nil {
		return "", time.Time{}, false
	}
	l, err := jobdir.List(dir)
	if err != nil {
		return "", time.Time{}, false
	}
	in, err := jobdir.Document[jobdir.Intent](l, jobdir.IntentFile)
	switch {
	case err != nil || in != nil && !strings.HasPrefix(in.JobName, stem):
		return "", time.Time{}, false
	case in == nil:
		return stem, info.ModTime(), true
	}
	return in.JobName, in.Created, true
}

func (c *Config) bringOptions(name string) []string {
	options := append(named(name), "--nodes=1", "--ntasks=1", fmt.Sprintf("--cpus-per-task=%d", bringCPUs), fmt.Sprintf("--time=%d", int(c.Prepare.TimeLimit.Minutes())))
	for _, o := range []struct{ name, value string }{{"clusters", c.Cluster}, {"account", c.Account}, {"partition", c.Prepare.Partition}} {
		if o.value != "" {
			options = append(options, "--"+o.name+"="+o.value)
		}
	}
	return options
}

func bringScript(dir string, argv []string) string {
	return render(bringTemplate, map[string]string{"COMMON": strings.TrimRight(commonPart, "\n"), "DIR": quote(dir), "COMMAND": strings.Join(quoteAll(argv), " ")})
}

// outcome is how the command of a job that is done ended.
func outcome(dir, command string) error {
	status, err := os.ReadFile(filepath.Join(dir, "status"))
	if err != nil {
		return err
	}
	if s := strings.TrimSpace(string(status)); s != "0" {
		out, _ := os.ReadFile(filepath.Join(dir, "output"))
		const most = 600
		return fmt.Errorf("%s: exit status %s: %s", command, s, strings.TrimSpace(string(out[max(0, len(out)-most):])))
	}
	return nil
}
