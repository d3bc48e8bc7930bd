package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// A desk is a folder with the examples, as a reader of the manual has them.
type desk struct {
	t   *testing.T
	dir string
}

func newDesk(t *testing.T) desk {
	root, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	d := desk{t, t.TempDir()}
	if err := copyExamples(root, d.dir); err != nil {
		t.Fatal(err)
	}
	return d
}

// run runs a command line of the manual and returns what it prints and its exit
// code.
func (d desk) run(line string) (stdout string, code int) {
	d.t.Helper()
	words := strings.Fields(line)
	if words[0] == "llmbench" {
		words[0] = built(d.t)
	}
	cmd := exec.Command(words[0], words[1:]...)
	cmd.Dir = d.dir
	cmd.Env = append(os.Environ(), "HOME="+d.dir, "SBATCH_ACCOUNT=perf", "NO_COLOR=1")
	out, err := cmd.Output()
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		d.t.Logf("%s: exit %d\n%s", line, exit.ExitCode(), exit.Stderr)
		return string(out), exit.ExitCode()
	case err != nil:
		d.t.Fatalf("%s: %v", line, err)
	}
	return string(out), 0
}

func (d desk) write(name, text string) {
	path := filepath.Join(d.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		d.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
		d.t.Fatal(err)
	}
}

var commandLine = regexp.MustCompile(`(?m)^  ([a-z]+) +\S`)

// TestHelp reads the help of every command as its users do: it says what the exit
// codes mean, and its examples do what they should.
func TestHelp(t *testing.T) {
	d := newDesk(t)
	overview, code := d.run("llmbench -help")
	_, list, found := strings.Cut(overview, "WRITE\n")
	list, _, ended := strings.Cut(list, "FLAGS\n")
	if code != 0 || !found || !ended {
		t.Fatalf("llmbench -help: exit %d\n%s", code, overview)
	}
	d.prepare()
	for _, m := range commandLine.FindAllStringSubmatch(list, -1) {
		help, code := d.run("llmbench " + m[1] + " -help")
		if code != 0 {
			t.Fatalf("llmbench %s -help: exit %d", m[1], code)
		}
		d.examples(m[1], help)
	}
}

// prepare makes what the examples name.
func (d desk) prepare() {
	log, err := os.ReadFile(filepath.Join("..", "..", "testdata", "trtllm", "reports", "1.0-nonstreaming-tabs.txt"))
	if err != nil {
		d.t.Fatal(err)
	}
	report, err := os.ReadFile(filepath.Join("..", "..", "testdata", "trtllm", "reports", "1.0.json"))
	if err != nil {
		d.t.Fatal(err)
	}
	d.write("experiments/run.out", string(log))
	d.write("run1.log", string(log))
	d.write("report.json", string(report))
	d.write("cases.csv", "model,quantization,gpu,gpus,isl,osl\nLlama 3.3 70B,FP8,H200,1,1000,1000\n")
	for _, line := range []string{
		"llmbench plan -executor=simulate -out=saved.plan examples/llama4-maverick",
		"llmbench apply -auto-approve -executor=simulate examples/llama4-maverick",
		"llmbench apply -auto-approve -executor=simulate -target=use_case=chat examples/sweep",
	} {
		if out, code := d.run(line); code != 0 {
			d.t.Fatalf("%s: exit %d\n%s", line, code, out)
		}
	}
}

// examples runs the examples of a help text.
func (d desk) examples(command, help string) {
	_, text, _ := strings.Cut(help, "\nEXAMPLES\n")
	text, status, found := strings.Cut(text, "\nEXIT STATUS\n")
	if !found || !strings.Contains("\n"+status, "\n  0 ") || command != "version" && !strings.Contains(status, "\n  1 ") {
		d.t.Errorf("the help of %s does not say what its exit codes mean:\n%s", command, help)
	}
	n := 0
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line == "" {
			continue
		}
		n++
		if !strings.HasPrefix(line, "llmbench "+command) {
			d.t.Errorf("an example of %s is %q", command, line)
			continue
		}
		if out, code := d.run(line); code != 0 {
			d.t.Errorf("%s: exit %d\n%s", line, code, out)
		}
	}
	if n == 0 {
		d.t.Errorf("the help of %s has no example", command)
	}
}

// TestReadme runs the command lines of the READMEs that need no cluster, and
// compares the output that they show. -update writes it anew.
func TestReadme(t *testing.T) {
	root := filepath.Join("..", "..")
	list, err := filepath.Glob(filepath.Join(root, "examples", "*", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	d := newDesk(t) // one for all pages: what is measured once is kept
	for _, path := range append([]string{filepath.Join(root, "README.md")}, list...) {
		t.Run(strings.TrimPrefix(path, root), func(t *testing.T) {
			src, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if n := strings.Count(string(src), "\n"); n > 130 {
				t.Errorf("%d lines; a newcomer reads 130", n)
			}
			got := desk{t, d.dir}.follow(string(src))
			if got == string(src) {
				return
			}
			if *update {
				if err := os.WriteFile(path, []byte(got), 0o666); err != nil {
					t.Fatal(err)
				}
				return
			}
			t.Errorf("the output shown is not what is printed; with -update it becomes\n%s", got)
		})
	}
}

var fence = regexp.MustCompile("(?s)(?:`(llmbench [^`]*)`:\n\n)?```[a-z]*\n(.*?)```")

// follow does what a page says and returns the page with the output as it is.
func (d desk) follow(page string) string {
	var b strings.Builder
	at := 0
	for _, m := range fence.FindAllStringSubmatchIndex(page, -1) {
		body := page[m[4]:m[5]]
		b.WriteString(page[at:m[4]])
		at = m[5]
		if m[2] < 0 {
			d.commands(body)
			b.WriteString(body)
			continue
		}
		line := page[m[2]:m[3]]
		out, code := d.run(line)
		if code != 0 {
			d.t.Errorf("%s: exit %d", line, code)
		}
		b.WriteString(d.excerpt(line, body, out))
	}
	return b.String() + page[at:]
}

// commands runs the lines of a block that need no cluster and name no place of
// the reader's own.
func (d desk) commands(block string) {
	for line := range strings.Lines(block) {
		line, ours := strings.CutPrefix(strings.TrimSpace(line), "go run ./cmd/llmbench ")
		verb, _, _ := strings.Cut(line, " ")
		onCluster := verb == "apply" && !strings.Contains(line, "-executor=simulate")
		if !ours || onCluster || strings.Contains(line, "STORE") {
			continue
		}
		if out, code := d.run("llmbench " + line); code != 0 {
			d.t.Errorf("llmbench %s: exit %d\n%s", line, code, out)
		}
	}
}

// excerpt is shown with its lines as they are printed; "…" stands for any.
func (d desk) excerpt(command, shown, printed string) string {
	left := strings.SplitAfter(printed, "\n")
	var b strings.Builder
	skip := false
	for line := range strings.Lines(shown) {
		if strings.TrimSpace(line) == "…" {
			skip = true
			b.WriteString(line)
			continue
		}
		i := slices.IndexFunc(left, func(l string) bool { return form(l) == form(line) })
		if i < 0 || i > 0 && !skip {
			d.t.Errorf("%s prints no line here like\n%s", command, line)
			b.WriteString(line)
			continue
		}
		if sameFigures(left[i], line) {
			b.WriteString(line)
		} else {
			b.WriteString(left[i])
		}
		left, skip = left[i+1:], false
	}
	return b.String()
}

var (
	figures = regexp.MustCompile(`[0-9][0-9.,]*`)
	blanks  = regexp.MustCompile(` +`)
	// took is the last column of results, which is how long it really took.
	took = regexp.MustCompile(` +(-|took|[0-9.]+ m?s)\n$`)
)

// form is a line without its figures and its width.
func form(line string) string {
	return blanks.ReplaceAllString(figures.ReplaceAllString(took.ReplaceAllString(line, "\n"), "0"), " ")
}

func sameFigures(a, b string) bool {
	return took.ReplaceAllString(a, "\n") == took.ReplaceAllString(b, "\n")
}

var (
	codeSpan   = regexp.MustCompile("`([^`\n]+)`")
	treeLine   = regexp.MustCompile(`(?m)^([a-z][A-Za-z0-9_./ ]*[a-z/])  +\S`)
	pathWord   = regexp.MustCompile(`^[A-Za-z0-9_.*-]+(/[A-Za-z0-9_.*-]*)+$|^[A-Za-z0-9_*]+\.(go|hcl|md|mod|txtar|txt|sh)$`)
	goName     = regexp.MustCompile(`^([a-z]+)\.([A-Z][A-Za-z]*)$`)
	testOption = regexp.MustCompile(`Test[A-Z][A-Za-z]*`)
)

// What ARCHITECTURE.md and CONTRIBUTING.md name is there: files and folders, exported
// names, tests, and targets of the Makefile. Each has two pages.
func TestMaintainersDocs(t *testing.T) {
	root := filepath.Join("..", "..")
	var source strings.Builder
	err := filepath.WalkDir(root, func(path string, d os.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".go") && d.Name() != "Makefile" {
			return err
		}
		src, err := os.ReadFile(path)
		fmt.Fprintf(&source, "\n%s", src)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	all := source.String()
	for _, page := range []string{"ARCHITECTURE.md", "CONTRIBUTING.md"} {
		src, err := os.ReadFile(filepath.Join(root, page))
		if err != nil {
			t.Fatal(err)
		}
		text := string(src)
		if n := strings.Count(text, "\n"); n > 120 {
			t.Errorf("%s has %d lines", page, n)
		}
		var names []string
		for _, m := range codeSpan.FindAllStringSubmatch(text, -1) {
			names = append(names, m[1])
		}
		tree, _, _ := strings.Cut(text, "\n## ")
		for _, m := range treeLine.FindAllStringSubmatch(tree, -1) {
			names = append(names, strings.Fields(m[1])...)
		}
		_, folder, _ := strings.Cut(text, "/attempt-M/\n")
		folder, _, _ = strings.Cut(folder, "\nSTORE")
		for line := range strings.Lines(folder) {
			line, _, _ = strings.Cut(strings.TrimSpace(line), "   ")
			for _, file := range strings.Fields(line) {
				if base, _, _ := strings.Cut(file, ".RANK"); !strings.Contains(all, `"`+base+`"`) && file != "telemetry.NODE.csv" {
					t.Errorf("%s names %s, a file that jobs do not have", page, file)
				}
			}
		}
		for _, name := range names {
			if !isThere(root, name, all) {
				t.Errorf("%s names %s, which is not there", page, name)
			}
		}
	}
}

// isThere looks for what a page names; what has none of the forms above is taken as it is.
func isThere(root, name, source string) bool {
	target, isTarget := strings.CutPrefix(name, "make ")
	m := goName.FindStringSubmatch(name)
	switch {
	case isTarget:
		return strings.Contains(source, "\n"+target+":")
	case m != nil:
		return regexp.MustCompile(`\n(func|type) ` + m[2] + `\b`).MatchString(source)
	case pathWord.MatchString(name) && !strings.Contains(name, "COMMAND"):
		return slices.ContainsFunc([]string{"", "executors", "schema/catalog", "cmd/llmbench/internal"}, func(dir string) bool {
			found, err := filepath.Glob(filepath.Join(root, dir, name))
			return err == nil && found != nil
		})
	}
	for _, test := range testOption.FindAllString(name, -1) {
		if !strings.Contains(source, "func "+test+"(") {
			return false
		}
	}
	return true
}
