package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"
)

var (
	mutants     = flag.Bool("mutants", false, "apply the mutants of testdata/mutants and run the tests that must notice")
	mutantsKill = flag.Float64("mutants.kill", 0.9, "the share of mutants that must be noticed")
)

// A mutant is one line that is changed for the worse.
type mutant struct {
	line              int // of the list
	file, pkg, run    string
	text, replacement string
}

func (m mutant) String() string {
	return fmt.Sprintf("list.txt:%d %s: %s -> %s", m.line, m.file, m.text, m.replacement)
}

// TestMutants keeps the list of mutants fit for the code, and with -mutants checks
// that the tests of a mutant's own package notice it.
func TestMutants(t *testing.T) {
	root, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	list := readMutants(t, root)
	if len(list) < 60 {
		t.Errorf("there are %d mutants, and 60 are wanted", len(list))
	}
	sources := make([]string, len(list))
	for i, m := range list {
		source, err := os.ReadFile(filepath.Join(root, m.file))
		if err != nil {
			t.Fatal(err)
		}
		if n := strings.Count(string(source), m.text); n != 1 {
			t.Errorf("%s: its text stands in the file %d times, not once; write it anew", m, n)
		}
		sources[i] = strings.Replace(string(source), m.text, m.replacement, 1)
	}
	if t.Failed() || !*mutants {
		return
	}
	killed := make([]bool, len(list))
	var g errgroup.Group
	g.SetLimit(2)
	for i, m := range list {
		g.Go(func() error {
			said, err := m.test(root, t.TempDir(), sources[i])
			killed[i] = err != nil
			switch {
			case err == nil:
				t.Logf("SURVIVES %s", m)
			case strings.Contains(said, "[build failed]"):
				t.Errorf("%s: it does not build:\n%s", m, said)
			}
			return nil
		})
	}
	_ = g.Wait()
	n := 0
	for _, dead := range killed {
		if dead {
			n++
		}
	}
	t.Logf("%d of %d mutants are noticed", n, len(list))
	if float64(n) < *mutantsKill*float64(len(list)) {
		t.Errorf("%d of %d mutants are noticed; at least %.0f %% are wanted", n, len(list), 100**mutantsKill)
	}
}

// test runs the tests of a mutant's package; it is noticed when they fail, or do not
// end.
func (m mutant) test(root, dir, source string) (string, error) {
	mutated := filepath.Join(dir, filepath.Base(m.file))
	if err := os.WriteFile(mutated, []byte(source), 0o644); err != nil {
		return "", nil
	}
	overlay, err := json.Marshal(map[string]map[string]string{"Replace": {filepath.Join(root, m.file): mutated}})
	if err != nil {
		panic(err)
	}
	name := filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(name, overlay, 0o644); err != nil {
		return "", nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	args := []string{"test", "-failfast", "-count=1", "-vet=off", "-overlay=" + name}
	if m.run != "" {
		args = append(args, "-run="+m.run)
	}
	cmd := exec.CommandContext(ctx, "go", append(args, m.pkg)...)
	cmd.Dir = root
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// readMutants reads the list. A mistake in it fails the test.
func readMutants(t *testing.T, root string) []mutant {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "testdata", "mutants", "list.txt"))
	if err != nil {
		t.Fatal(err)
	}
	var list []mutant
	var at mutant
	for i, line := range strings.Split(string(text), "\n") {
		switch {
		case strings.HasPrefix(line, "@ "):
			words := strings.Fields(line[2:])
			if len(words) != 2 && (len(words) != 4 || words[2] != "-run") {
				t.Fatalf("list.txt:%d: %s", i+1, line)
			}
			at = mutant{file: words[0], pkg: words[1]}
			if len(words) == 4 {
				at.run = words[3]
			}
		case strings.HasPrefix(line, "-"):
			at.line, at.text = i+1, line[1:]
		case strings.HasPrefix(line, "+"):
			at.replacement = line[1:]
			list = append(list, at)
		case line != "" && !strings.HasPrefix(line, "#"):
			t.Fatalf("list.txt:%d: %q is no part of a mutant", i+1, line)
		}
	}
	return list
}
