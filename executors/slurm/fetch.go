package slurm

import (
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/llmbench/llmbench/executors"
	"github.com/llmbench/llmbench/executors/jobdir"
	"github.com/llmbench/llmbench/schema/regular"
)

//go:embed bring.sh
var fetchTemplate string

// bringCPUs is for how many processors such a job asks: packing an image keeps
// them busy.
const bringCPUs = 4

// secretsWait is for how long a job that has begun waits for its secrets.
const secretsWait = 2 * time.Minute

// Fetch implements executors.Scheduler.
func (c *Config) Fetch() func(context.Context, executors.Command, executors.Say) error {
	if c.Prepare == nil {
		return nil
	}
	return c.fetch
}

func (c *Config) fetch(ctx context.Context, b executors.Command, say executors.Say) error {
	a, err := c.fetchJob(b, say)
	if err != nil {
		return err
	}
	id, err := a.submit(ctx)
	if err == nil {
		say("job %s in partition %s downloads %s", executors.JobID(id), c.Prepare.Partition, b.Path)
		hand := handing(b, a.job.Dir)
		err = a.follow(ctx, id, func() { b.Look(); hand() })
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
	return commandEnded(a.job.Dir, b.Argv[0])
}

// fetchJob is the job that fetches b.Path. Its folder follows from the path, so
// that whoever wants the same finds it, and the name of the job in it.
func (c *Config) fetchJob(b executors.Command, say executors.Say) (*auxiliary, error) {
	stem, nonce := stemOf(b.Path), jobdir.NewNonce()
	dir := filepath.Join(filepath.Dir(b.Path), ".llmbench-job-"+filepath.Base(b.Path))
	plain, secret := environmentOf(b)
	wait := time.Duration(0)
	if secret != nil {
		wait = secretsWait
	}
	script := fetchScript(dir, b.Argv, wait)
	if name, since, ok := intended(dir, stem); ok {
		a := c.auxiliary(name, dir, c.fetchOptions(name), say)
		a.job.Resumed, a.job.NotBefore = true, since
		return a, jobdir.WriteFile(dir, jobdir.ScriptFile, []byte(script), 0o755) // what is asked for now, if it has to be submitted
	}
	b.Clean()
	if err := os.RemoveAll(dir); err != nil {
		return nil, err
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		return nil, err
	}
	if err := jobdir.WriteFile(dir, environmentFile, plain, 0o600); err != nil {
		return nil, err
	}
	name := stem + "-" + nonce[:6]
	a := c.auxiliary(name, dir, c.fetchOptions(name), say)
	return a, a.write(script, nonce)
}

// environmentFile holds what of Env is no secret, outputFile what the command printed:
// it is there as soon as the job has its secrets.
const (
	environmentFile = "environment"
	outputFile      = "output"
)

// environmentOf is Env as lines, the secrets apart.
func environmentOf(b executors.Command) (plain, secret []byte) {
	for _, pair := range b.Env {
		name, value, _ := strings.Cut(pair, "=")
		switch {
		case strings.ContainsAny(pair, "\n\x00"):
		case strings.Contains(name, "TOKEN") || strings.Contains(value, "@"): // a proxy's password
			secret = append(secret, pair+"\n"...)
		default:
			plain = append(plain, pair+"\n"...)
		}
	}
	return plain, secret
}

// handing returns what gives the job its secrets once: when it has begun, and has not
// been given them by another. What cannot be written now is tried at the next look.
func handing(b executors.Command, dir string) func() {
	_, secret := environmentOf(b)
	handed := secret == nil
	return func() {
		if handed || claimedBy(dir) == "" {
			return
		}
		handed = jobdir.Seen(dir, outputFile) || jobdir.ReplaceFile(dir, jobdir.SecretsFile, secret, 0o600) == nil
	}
}

// stemOf begins the names of the jobs that bring path.
func stemOf(path string) string {
	sum := sha256.Sum256([]byte(path))
	return namePrefix + "prepare-" + hex.EncodeToString(sum[:6])
}

// intended is the job that was about to be submitted from a folder. Version 0.1.0
// wrote no intent: its jobs are called by the stem. What another user put there is none.
func intended(dir, stem string) (name string, since time.Time, ok bool) {
	info, err := os.Lstat(filepath.Join(dir, jobdir.ScriptFile))
	if err != nil || !own(dir) || !own(filepath.Join(dir, jobdir.ScriptFile)) {
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

func (c *Config) fetchOptions(name string) []string {
	options := append(named(name), "--nodes=1", "--ntasks=1", fmt.Sprintf("--cpus-per-task=%d", bringCPUs), fmt.Sprintf("--time=%d", int(c.Prepare.TimeLimit.Minutes())))
	for _, o := range []struct{ name, value string }{{"clusters", c.Cluster}, {"account", c.Account}, {"partition", c.Prepare.Partition}} {
		if o.value != "" {
			options = append(options, "--"+o.name+"="+o.value)
		}
	}
	return options
}

func fetchScript(dir string, argv []string, wait time.Duration) string {
	return render(fetchTemplate, map[string]string{
		"COMMON": strings.TrimRight(commonPart, "\n"), "DIR": quote(dir), "COMMAND": strings.Join(quoteAll(argv), " "), "WAIT": strconv.Itoa(int(wait.Seconds())),
	})
}

// commandEnded is how the command of a job that is done ended.
func commandEnded(dir, command string) error {
	status, err := regular.Read(filepath.Join(dir, "status"), regular.MaxText)
	if err != nil {
		return err
	}
	if s := strings.TrimSpace(string(status)); s != "0" {
		out, _ := lastText(filepath.Join(dir, outputFile))
		return fmt.Errorf("%s: exit status %s: %s", command, s, out)
	}
	return nil
}

// askLimit is the time limit of jobs that ask an image where no prepare block says it:
// the node may have to import the image first.
const askLimit = 30 * time.Minute

// Ask implements executors.Scheduler.
func (c *Config) Ask(ctx context.Context, image, script, path string, say executors.Say) ([]byte, error) {
	near := *c
	if near.Prepare == nil {
		near.Prepare = &Prepare{Partition: c.Partition, TimeLimit: askLimit}
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, err
	}
	// The end of what went wrong is what the job says.
	const body = `out=$1; shift; "$@" >"$out" 2>"$out.err" || { cat "$out" "$out.err"; exit 1; }`
	argv := append([]string{"bash", "-c", body, "ask", path}, near.inside(image)...)
	argv = append(argv, "bash", "-c", script)
	clean := func() { _ = os.Remove(path) }
	if err := near.fetch(ctx, executors.Command{Path: path, Argv: argv, Clean: clean, Look: func() {}}, say); err != nil {
		return nil, fmt.Errorf("asking %s: %w", image, err)
	}
	return regular.Read(path, regular.MaxText)
}

// inside are the words before a command that runs in the container of an image: the
// file that prepare brought, else what a registry has. Without a container the command
// runs on the node.
func (c *Config) inside(image string) []string {
	if c.Container == nil {
		return nil
	}
	from := c.ImageFile(image)
	if _, err := os.Stat(from); err != nil {
		host, rest, _ := strings.Cut(image, "/")
		from = host + "#" + rest
	}
	words := []string{"srun", "--ntasks=1", "--mpi=none", "--container-image=" + from}
	if !c.Container.MountHome {
		words = append(words, "--no-container-mount-home")
	}
	return words
}
