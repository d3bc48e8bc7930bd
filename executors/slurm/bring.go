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
// its end. A job that an earlier call submitted is taken up, and when ctx ends
// the job goes on.
func (c *Config) Bring(ctx context.Context, b Bring, say func(format string, args ...any)) error {
	e := c.bringJob(b.Path)
	e.say = say
	id, err := e.find(ctx)
	if err != nil {
		return err
	}
	if id != "" {
		say("job %s brings %s already", id, b.Path)
	} else {
		b.Clean()
		if err := e.write(b); err != nil {
			return err
		}
		if id, err = e.submit(ctx); err != nil {
			os.RemoveAll(e.dir)
			return err
		}
		say("job %s in partition %s brings %s", id, c.Prepare.Partition, b.Path)
	}
	if err := e.follow(ctx, id, b.Look); err != nil {
		if ctx.Err() != nil {
			say("job %s goes on; another `llmbench prepare` follows it", id)
			return err
		}
		e.cancel(id)
		os.RemoveAll(e.dir)
		return err
	}
	defer os.RemoveAll(e.dir)
	return e.outcome(b.Argv[0])
}

// bringJob is the errand that brings path. Its name and folder follow from the
// path, so that whoever wants the same finds it.
func (c *Config) bringJob(path string) *errand {
	sum := sha256.Sum256([]byte(path))
	options := []string{"--nodes=1", "--ntasks=1", fmt.Sprintf("--cpus-per-task=%d", bringCPUs), fmt.Sprintf("--time=%d", int(c.Prepare.TimeLimit.Minutes()))}
	for _, o := range []struct{ name, value string }{{"account", c.Account}, {"partition", c.Prepare.Partition}} {
		if o.value != "" {
			options = append(options, "--"+o.name+"="+o.value)
		}
	}
	return c.newErrand(namePrefix+"prepare-"+hex.EncodeToString(sum[:6]), filepath.Join(filepath.Dir(path), ".llmbench-job-"+filepath.Base(path)), options)
}

// write makes the folder of the job anew.
func (e *errand) write(b Bring) error {
	if err := os.RemoveAll(e.dir); err != nil {
		return err
	}
	if err := os.Mkdir(e.dir, 0o700); err != nil {
		return err
	}
	var env strings.Builder
	for _, pair := range b.Env {
		if !strings.ContainsAny(pair, "\n\x00") {
			env.WriteString(pair + "\n")
		}
	}
	if err := renameio.WriteFile(filepath.Join(e.dir, "environment"), []byte(env.String()), 0o600); err != nil {
		return err
	}
	return renameio.WriteFile(filepath.Join(e.dir, errandScript), []byte(bringScript(e.dir, b.Argv)), 0o700)
}

func bringScript(dir string, argv []string) string {
	return render(bringTemplate, map[string]string{"DIR": quote(dir), "COMMAND": strings.Join(quoteAll(argv), " ")})
}

// outcome is how the command of a job that is done ended.
func (e *errand) outcome(command string) error {
	status, err := os.ReadFile(filepath.Join(e.dir, "status"))
	if err != nil {
		return err
	}
	if s := strings.TrimSpace(string(status)); s != "0" {
		out, _ := os.ReadFile(filepath.Join(e.dir, "output"))
		const most = 600
		return fmt.Errorf("%s: exit status %s: %s", command, s, strings.TrimSpace(string(out[max(0, len(out)-most):])))
	}
	return nil
}
