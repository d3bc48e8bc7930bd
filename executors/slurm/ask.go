package slurm

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/llmbench/llmbench/executors"
	"github.com/llmbench/llmbench/schema/regular"
)

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
