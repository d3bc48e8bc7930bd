package simulate

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/google/renameio/v2"

	"github.com/llmbench/llmbench/executors"
)

// An attempt runs one job in its folder and leaves the files that a job on a
// cluster leaves, the exit last.
type attempt struct {
	job     *executors.Job
	data    *datasets
	started time.Time
}

var errNotOwner = errors.New("another job has claimed the attempt")

func (a *attempt) run(ctx context.Context) error {
	if a.exists("cancelled") {
		return nil
	}
	if err := a.claim(); err != nil {
		return err
	}
	a.started = time.Now().UTC()
	host, _ := os.Hostname()
	err := a.put("start", map[string]any{"job_id": a.job.Name, "host": host, "nodes": []string{host}, "time": stamp(a.started)})
	if err != nil {
		return err
	}
	rc, err := a.bench(ctx)
	if err != nil {
		return err
	}
	return a.exit(ctx, rc)
}

// bench runs the step with its output in the attempt's files.
func (a *attempt) bench(ctx context.Context) (int, error) {
	stdout, err := os.Create(a.path("stdout"))
	if err != nil {
		return 0, err
	}
	defer stdout.Close()
	stderr, err := os.Create(a.path("stderr"))
	if err != nil {
		return 0, err
	}
	defer stderr.Close()
	argv := a.job.Run.Steps[0].Argv[1:]
	b := Bench{
		Dir: a.job.Dir, Stdout: stdout, Stderr: stderr,
		GPU: a.job.Run.Hardware.GPU, Version: a.job.Run.Image.TRTLLMVersion,
		Getenv: a.getenv, ReadDataset: a.data.get,
	}
	rc := b.Run(ctx, argv)
	return rc, errors.Join(stdout.Sync(), stderr.Sync())
}

func (a *attempt) getenv(name string) string {
	if v := a.job.Run.Env[name]; v != nil {
		return *v
	}
	return ""
}

func (a *attempt) exit(ctx context.Context, rc int) error {
	signal := ""
	if ctx.Err() != nil {
		signal = "TERM"
	}
	report, err := digest(a.path("report.json"))
	if err != nil {
		return err
	}
	return a.put("exit", map[string]any{
		"job_id": a.job.Name, "restart_count": 0, "rc": rc, "bench_rc": rc, "signal": signal, "reason": "",
		"started": stamp(a.started), "ended": stamp(time.Now().UTC()), "report": report,
	})
}

// claim makes this job the owner of the attempt, by link(2).
func (a *attempt) claim() error {
	own := "claim." + a.job.Name
	host, _ := os.Hostname()
	err := a.put(own, map[string]any{"job_id": a.job.Name, "restart_count": 0, "host": host, "time": stamp(time.Now().UTC()), "nonce": a.job.Name})
	if err != nil {
		return err
	}
	err = os.Link(a.path(own), a.path("claim"))
	if errors.Is(err, fs.ErrExist) {
		return errNotOwner
	}
	return err
}

// put writes a JSON line with "end":true as its last key, whole or not at all.
func (a *attempt) put(name string, v map[string]any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	line := strings.TrimSuffix(string(b), "}") + `,"end":true}` + "\n"
	return renameio.WriteFile(a.path(name), []byte(line), 0o600)
}

func (a *attempt) path(name string) string { return filepath.Join(a.job.Dir, name) }

func (a *attempt) exists(name string) bool {
	_, err := os.Stat(a.path(name))
	return err == nil
}

// digest is the size and SHA-256 of a report, nil where there is none.
func digest(path string) (map[string]any, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	h := sha256.New()
	n, err := io.Copy(h, f)
	if err != nil {
		return nil, err
	}
	return map[string]any{"bytes": n, "sha256": hex.EncodeToString(h.Sum(nil))}, nil
}

func stamp(t time.Time) string { return t.Format(time.RFC3339) }
