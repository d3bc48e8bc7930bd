package command

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/llmbench/llmbench/cmd/llmbench/internal/view"
)

// On a terminal init asks for what no flag gives, and an empty answer takes what
// was found.
func TestInitAsks(t *testing.T) {
	t.Setenv("PATH", t.TempDir()) // no Slurm
	dir := filepath.Join(t.TempDir(), "mine")
	var out, asked strings.Builder
	e := &env{
		streams: &view.Streams{In: strings.NewReader("perf ${x}\n\n"), Out: &out, Err: &asked, Interactive: true},
		environ: []string{"LLMB_INSTALL=/lustre/ours"},
	}
	if err := e.runInit(t.Context(), dir, "llama4-maverick-gb200x8", siteValues{"partition": "gb200"}); err != nil {
		t.Fatal(err)
	}
	const want = "Slurm account to charge: Folder with weights and images, on a file system that all nodes share [/lustre/ours]: "
	if asked.String() != want {
		t.Errorf("asked %q", asked.String())
	}
	vars, _ := os.ReadFile(filepath.Join(dir, "site.auto.vars"))
	if !strings.Contains(string(vars), "account   = \"perf $${x}\"\npartition = \"gb200\"\n") {
		t.Errorf("%s", vars)
	}
	if !strings.HasSuffix(string(vars), "\ninstall_dir = \"/lustre/ours\"\n") {
		t.Errorf("%s", vars)
	}
}
