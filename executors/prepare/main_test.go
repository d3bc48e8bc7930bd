package prepare_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/llmbench/llmbench/executors/prepare"
	"github.com/llmbench/llmbench/executors/prepare/preparetest"
)

// preparerVar makes this binary fetch into the folder that it names, and the
// image that imageVar names.
const (
	preparerVar = "PREPARER_DIR"
	imageVar    = "PREPARER_IMAGE"
)

// This binary is the stand-ins too, by the name that it is called, and a process
// that prepares, so that it can be killed.
func TestMain(m *testing.M) {
	switch {
	case filepath.Base(os.Args[0]) == "hf":
		os.Exit(preparetest.HF())
	case filepath.Base(os.Args[0]) == "enroot":
		os.Exit(preparetest.Enroot())
	case os.Getenv(preparerVar) != "":
		os.Exit(prepareAll(os.Getenv(preparerVar)))
	}
	os.Exit(m.Run())
}

// fetcher is without patience.
func fetcher(environ []string) *prepare.Fetcher {
	f := prepare.NewFetcher(environ)
	f.Pause, f.Tries = time.Millisecond, 3
	return f
}

func prepareAll(dir string) int {
	f := fetcher(os.Environ())
	i := image(dir)
	i.Name = os.Getenv(imageVar)
	checks := append(f.Weights(context.Background(), maverick(filepath.Join(dir, "weights"))), f.Image(context.Background(), i)...)
	for _, c := range checks {
		if c.Result == "fail" {
			os.Stderr.WriteString(c.Detail + "\n")
			return 1
		}
	}
	return 0
}

// A site has the stand-ins on its PATH, a hub that answers, and a folder.
type site struct {
	t            *testing.T
	dir, log     string
	environ      []string
	registry     *fakeRegistry
	weightsDir   string
	imageToFetch prepare.Image
}

func newSite(t *testing.T, mode string) *site {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	bin := t.TempDir()
	for _, name := range []string{"hf", "enroot"} {
		if err := os.Symlink(self, filepath.Join(bin, name)); err != nil {
			t.Fatal(err)
		}
	}
	s := &site{t: t, dir: t.TempDir(), log: filepath.Join(t.TempDir(), "log")}
	s.registry = newRegistry(t)
	s.weightsDir, s.imageToFetch = filepath.Join(s.dir, "weights"), image(s.dir)
	s.imageToFetch.Name = s.registry.host + "/nvidia/tensorrt-llm/release:1.0.0rc1"
	w := maverick("")
	t.Setenv("PATH", bin+":"+os.Getenv("PATH"))
	t.Setenv("HF_ENDPOINT", hub(t, map[string]answer{w.Checkpoint: {200, "", "{}"}, w.Base: {200, "", "{}"}}))
	t.Setenv("HF_TOKEN", secret)
	t.Setenv("HOME", s.dir)
	t.Setenv("STANDIN_LOG", s.log)
	t.Setenv("STANDIN_MODE", mode)
	t.Setenv("GORACE", "atexit_sleep_ms=0") // else a stand-in with -race ends a second late
	s.environ = os.Environ()
	return s
}

// started is what the stand-ins noted, the folder and the registry left out.
func (s *site) started() string {
	b, _ := os.ReadFile(s.log)
	return strings.NewReplacer(s.dir, "DIR", s.registry.host, "HOST").Replace(string(b))
}

// leftovers are files that nobody should leave.
func (s *site) leftovers() []string {
	var out []string
	signs, _ := filepath.Glob(filepath.Join(s.dir, "*.standin-at-work"))
	for _, sign := range signs {
		if preparetest.AtWork(sign) {
			out = append(out, sign)
		}
	}
	for _, pattern := range []string{"*.importing", ".llmbench-lock-*", "weights/.cache/huggingface/download/*.incomplete"} {
		found, _ := filepath.Glob(filepath.Join(s.dir, pattern))
		out = append(out, found...)
	}
	return out
}
