package slurm

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/llmbench/llmbench/executors/jobdir"
	"pgregory.net/rapid"
)

// hostnames expands as Slurm itself does, without a daemon; ok is false for what
// is no list of nodes to it.
func hostnames(t testing.TB) func(list string) (names []string, ok bool) {
	path, err := exec.LookPath("scontrol")
	if err != nil {
		t.Skip("scontrol is not installed; `make deps` installs it")
	}
	conf := filepath.Join(t.TempDir(), "slurm.conf")
	if err := os.WriteFile(conf, []byte("ClusterName=none\nSlurmctldHost=localhost\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	return func(list string) ([]string, bool) {
		cmd := exec.Command(path, "show", "hostnames", list)
		cmd.Env = append(os.Environ(), "SLURM_CONF="+conf)
		out, err := cmd.CombinedOutput()
		return strings.Fields(string(out)), err == nil && !strings.Contains(string(out), "Invalid ")
	}
}

// Node lists are expanded as `scontrol show hostnames` does, whatever racks and
// trays are called.
func TestExpandsAsSlurmDoes(t *testing.T) {
	slurm := hostnames(t)
	check := func(t interface{ Errorf(string, ...any) }, list string) {
		want, ok := slurm(list)
		if got := jobdir.ExpandNodes(list); ok && !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", list, got, want)
		}
	}
	for _, list := range []string{
		"nvl72d[001-002]-T[01-02]", "gb[01-03,7],login1", "x[1-2]y[3-4]z[5-6]", "a[1-2]b[1-2]c[1,3]d[08-11]", "gb[1-010]", "gb[99-101]",
		"a[001-2]", "a[1-3,2],a2", "a,,b", "gb[3-1]", "gb[]", "a[1-2,b]", "[1-3]", "a[1-2][3-4]", "bgl[000x111]", "gb1]", "(null)x",
	} {
		check(t, list)
	}
	name := rapid.StringMatching(`[a-z]{1,6}[0-9]{0,2}-?`)
	bracket := rapid.Custom(func(t *rapid.T) string {
		var items []string
		for range rapid.IntRange(1, 3).Draw(t, "items") {
			low := rapid.IntRange(0, 120).Draw(t, "low")
			item := fmt.Sprintf("%0*d", rapid.IntRange(1, 4).Draw(t, "width"), low)
			if rapid.Bool().Draw(t, "range") {
				item += fmt.Sprintf("-%d", low+rapid.IntRange(0, 12).Draw(t, "more"))
			}
			items = append(items, item)
		}
		return "[" + strings.Join(items, ",") + "]"
	})
	rapid.Check(t, func(t *rapid.T) {
		var parts []string
		for range rapid.IntRange(1, 3).Draw(t, "parts") {
			part := ""
			for range rapid.IntRange(0, 3).Draw(t, "brackets") {
				part += name.Draw(t, "name") + bracket.Draw(t, "bracket")
			}
			if part == "" {
				part = name.Draw(t, "name")
			}
			parts = append(parts, part)
		}
		check(t, strings.Join(parts, ","))
	})
}

// wellFormed are lists whose brackets hold numbers and ranges; of others Slurm
// makes what it can.
var wellFormed = regexp.MustCompile(`^[a-z]([a-z0-9-]|\[\d{1,4}(-\d{1,4})?(,\d{1,4}(-\d{1,4})?)*\]|,[a-z])*$`)

// FuzzExpandNodes compares with Slurm whatever it takes for a list of nodes.
func FuzzExpandNodes(f *testing.F) {
	slurm := hostnames(f)
	f.Add("nvl72d[001-002]-T[01-02]")
	f.Add("a[1-2]b[3-")
	f.Fuzz(func(t *testing.T, list string) {
		got := jobdir.ExpandNodes(list)
		if !wellFormed.MatchString(list) {
			return
		}
		if want, ok := slurm(list); ok && !slices.Equal(got, want) {
			t.Errorf("%q: %v, want %v", list, got, want)
		}
	})
}
