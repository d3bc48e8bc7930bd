package main

import (
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/llmbench/llmbench/cmd/llmbench/internal/command"
	"github.com/llmbench/llmbench/executors/prepare/preparetest"
)

var update = flag.Bool("update", false, "rewrite the goldens of scripts")

func TestMain(m *testing.M) {
	os.Setenv(quickEnd[0], quickEnd[1])
	testscript.Main(m, map[string]func(){
		"llmbench": func() { os.Exit(command.Main(os.Args)) },
		"hf":       func() { os.Exit(preparetest.HF()) },
		"enroot":   func() { os.Exit(preparetest.Enroot()) },
	})
}

// quickEnd lets commands that are built with -race end at once: by default the
// race detector has each sleep for a second.
var quickEnd = [2]string{"GORACE", "atexit_sleep_ms=0"}

// TestScript runs the command line as its users do: testdata/script has one
// script for each thing that it does, named for the command.
func TestScript(t *testing.T) { runScripts(t, "script") }

// TestWrong runs wrong definitions: each is refused with its diagnostic, and
// leaves nothing behind.
func TestWrong(t *testing.T) { runScripts(t, "wrong") }

// built is the path of an llmbench without -race, which is built once: what
// takes long with it is run with it in scripts alone.
func built(t *testing.T) string {
	t.Helper()
	path, err := build()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

var build = sync.OnceValues(func() (string, error) {
	beside, err := exec.LookPath("llmbench") // in a folder that testscript removes
	if err != nil {
		return "", err
	}
	path := beside + ".built"
	if out, err := exec.Command("go", "build", "-o", path, ".").CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w: %s", err, out)
	}
	return path, nil
})

func runScripts(t *testing.T, dir string) {
	root, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir:                 filepath.Join(root, "testdata", dir),
		UpdateScripts:       *update,
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Cmds:                map[string]func(*testscript.TestScript, bool, []string){"exits": exits, "keys": keys, "jobscript": jobscript, "fingerprints": fingerprints, "standin": standin, "hub": hub, "measured": measured, "action": action},
		Setup: func(e *testscript.Env) error {
			e.Setenv("HOME", e.WorkDir)
			e.Setenv("TZ", "UTC")
			e.Setenv(quickEnd[0], quickEnd[1])
			e.Setenv("LOGS", filepath.Join(root, "testdata", "trtllm"))
			e.Setenv("STORES", filepath.Join(root, "testdata"))
			return copyExamples(root, e.WorkDir)
		},
	})
}

// copyExamples copies the examples, without the stores of those who have tried them.
func copyExamples(root, to string) error {
	from := os.DirFS(root)
	return fs.WalkDir(from, "examples", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && strings.HasPrefix(d.Name(), "."):
			return fs.SkipDir
		case d.IsDir():
			return os.MkdirAll(filepath.Join(to, path), 0o755)
		}
		text, err := fs.ReadFile(from, path)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(to, path), text, 0o644)
	})
}

// standin makes what prepare looks for, without its content: standin weights DIR,
// standin image FILE.
func standin(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: standin weights|image PATH")
	}
	path := ts.MkAbs(args[1])
	ts.Check(os.MkdirAll(filepath.Dir(path), 0o755))
	switch args[0] {
	case "weights":
		ts.Check(preparetest.Small().Write(path))
	case "image":
		ts.Check(preparetest.WriteImage(path, 1<<20))
	default:
		ts.Fatalf("no stand-in for %s", args[0])
	}
}

// hub serves the repositories of the recipe, and sets HF_ENDPOINT to where. With
// an argument they answer with that sentence of a gated repository.
func hub(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) > 1 {
		ts.Fatalf("usage: hub [REFUSAL]")
	}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if len(args) == 1 {
			w.Header().Set("X-Error-Code", "GatedRepo")
			w.Header().Set("X-Error-Message", args[0])
			w.WriteHeader(http.StatusForbidden)
			return
		}
		fmt.Fprint(w, `{"siblings":[{"rfilename":"model.safetensors","size":4000000}]}`)
	}))
	ts.Defer(s.Close)
	ts.Setenv("HF_ENDPOINT", s.URL)
}

// exits runs a command and wants an exit code: exits 3 llmbench results .
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND [ARG…]")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec(args[1], args[2:]...)
	got := 0
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		got = exit.ExitCode()
	case err != nil:
		ts.Fatalf("%v", err)
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d\n%s%s", got, want, ts.ReadFile("stdout"), ts.ReadFile("stderr"))
	}
}
