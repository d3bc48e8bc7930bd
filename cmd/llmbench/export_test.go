package main

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"

	"github.com/llmbench/llmbench/cmd/llmbench/internal/command"
	"github.com/llmbench/llmbench/executors/store"
)

// A bundle holds all that tells of a campaign and none of its secrets: not those of
// now, nor those that a diff takes away.
func TestExport(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	recipe, err := os.ReadFile("../../testdata/script/results_history.txtar")
	if err != nil {
		t.Fatal(err)
	}
	_, main, _ := bytes.Cut(recipe, []byte("-- main.hcl --\n"))
	secret := func(value string) string {
		return "\nvariable \"token\" {\n  type      = string\n  sensitive = true\n  default   = \"" + value + "\"\n}\n"
	}
	env := bytes.Replace(main, []byte("  time_limit = \"30m\"\n"), []byte("  time_limit = \"30m\"\n  env        = { LICENSE = var.token }\n"), 1)
	write("main.hcl", string(env)+secret("default-of-before"))
	write("site.auto.vars", "token = \"value-of-before\"\n")
	for _, args := range [][]string{{"init", "-q"}, {"add", "-A"}, {"-c", "user.email=user@example.com", "-c", "user.name=user", "commit", "-q", "-m", "one"}} {
		if out, err := exec.Command("git", append([]string{"-C", dir}, args...)...).CombinedOutput(); err != nil {
			t.Fatalf("git %s: %v: %s", args, err, out)
		}
	}
	write("main.hcl", string(env)+secret("default-of-now")+"# hf_AbCdEfGhIjKlMnOpQrStUvWxYz0123456789\n")
	write("site.auto.vars", "token = \"value-of-now\"\n")

	bundle := filepath.Join(dir, "out"+store.BundleSuffix)
	for _, args := range [][]string{{"apply", "-auto-approve", "-executor=simulate", dir}, {"export", "-executor=simulate", bundle, dir}, {"compare", "-executor=simulate", bundle, dir}} {
		if code := command.Main(append([]string{"llmbench"}, args...)); code != 0 {
			t.Fatalf("%s: exit %d", args[0], code)
		}
	}
	members, err := store.ReadBundle(bundle, func(string) bool { return true })
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{
		"definitions/main.hcl", "definitions/site.auto.vars", "definitions/uncommitted.diff", "plan.json", "simulated.json", "doctor.json", "version.json",
		"runs/load/use_case=chat/sample-1/attempt-1/stdout",
	} {
		if len(members[name]) == 0 {
			t.Errorf("%s is not in the bundle", name)
		}
	}
	for name, content := range members {
		for _, planted := range []string{"default-of-before", "default-of-now", "value-of-before", "value-of-now", "hf_AbCdEf"} {
			if bytes.Contains(content, []byte(planted)) {
				t.Errorf("%s holds %s", name, planted)
			}
		}
	}
	if diff := string(members["definitions/uncommitted.diff"]); !strings.Contains(diff, `-token = "(secret)"`) {
		t.Errorf("the diff lacks what is not committed:\n%s", diff)
	}
	// Of a bundle with a log that was changed nothing is taken over.
	const log = "runs/load/use_case=chat/sample-1/attempt-1/stdout"
	changed, root := filepath.Join(dir, "changed"+store.BundleSuffix), filepath.Join(dir, "other")
	rewriteBundle(t, bundle, changed, log)
	out, err := exec.Command(built(t), "import", "-store="+root, dir, bundle, changed).CombinedOutput()
	if want := "nothing is imported: " + changed + ": " + log + " was changed"; err == nil || !strings.Contains(strings.Join(strings.Fields(string(out)), " "), want) {
		t.Errorf("%v: %s, want %q", err, out, want)
	}
	if _, err := os.Stat(root); err == nil {
		t.Error("something was imported beside a bundle that was changed")
	}
	for what, args := range map[string][]string{"an archive that is there": {bundle, dir}, "no archive": {dir}} {
		if code := command.Main(append([]string{"llmbench", "export", "-executor=simulate"}, args...)); code != 1 {
			t.Errorf("%s: exit %d", what, code)
		}
	}
}

// rewriteBundle copies a bundle, with another letter at the end of one member.
func rewriteBundle(t *testing.T, from, to, member string) {
	t.Helper()
	b, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	in, err := zstd.NewReader(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	var out bytes.Buffer
	zip, err := zstd.NewWriter(&out)
	if err != nil {
		t.Fatal(err)
	}
	archive := tar.NewWriter(zip)
	for members := tar.NewReader(in); ; {
		head, err := members.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(members)
		if err != nil {
			t.Fatal(err)
		}
		if head.Name == member {
			content[len(content)-1] ^= 1
		}
		err = archive.WriteHeader(head)
		if _, more := archive.Write(content); err != nil || more != nil {
			t.Fatal(err, more)
		}
	}
	if err := errors.Join(archive.Close(), zip.Close()); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(to, out.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}
