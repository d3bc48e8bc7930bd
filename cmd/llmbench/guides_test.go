package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var (
	block = regexp.MustCompile("(?s)```(hcl|sh)\n(.*?)```")
	link  = regexp.MustCompile(`\]\(([a-z0-9_-]+\.md)\)`)
)

// TestGuides holds the pages of docs/ and the README against the tool: the HCL
// that they show is planned beside the recipe's definitions, command lines name
// commands and flags that there are, and links lead somewhere.
func TestGuides(t *testing.T) {
	root := filepath.Join("..", "..")
	pages, err := filepath.Glob(filepath.Join(root, "docs", "*.md"))
	if err != nil || len(pages) == 0 {
		t.Fatal(pages, err)
	}
	d := newDesk(t)
	help := map[string]string{}
	for _, page := range append(pages, filepath.Join(root, "README.md")) {
		src, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range link.FindAllStringSubmatch(string(src), -1) {
			if _, err := os.Stat(filepath.Join(filepath.Dir(page), m[1])); err != nil {
				t.Errorf("%s: %v", page, err)
			}
		}
		for i, m := range block.FindAllStringSubmatch(string(src), -1) {
			body := undent(m[2])
			if m[1] == "hcl" {
				d.plan(fmt.Sprintf("%s-%d", filepath.Base(page), i), body)
				continue
			}
			for line := range strings.Lines(body) {
				d.checkCommand(page, strings.TrimSpace(line), help)
			}
		}
	}
}

// undent removes the indentation of a block that stands in a list.
func undent(body string) string {
	first := strings.TrimLeft(body, " ")
	return regexp.MustCompile(`(?m)^ {`+fmt.Sprint(len(body)-len(first))+`}`).ReplaceAllString(body, "")
}

// plan plans a piece of a definition beside the recipe's. What the piece
// declares takes the place of what the recipe declares.
func (d desk) plan(name, piece string) {
	d.t.Helper()
	src, err := os.ReadFile(filepath.Join(d.dir, "examples", "llama4-maverick", "main.hcl"))
	if err != nil {
		d.t.Fatal(err)
	}
	top := regexp.MustCompile(`(?ms)^[a-z_]+ (?:"[^"]*" )*\{.*?^\}\n`)
	var declared []string
	for _, b := range top.FindAllString(piece, -1) {
		header, _, _ := strings.Cut(b, "{")
		declared = append(declared, header)
	}
	rest := top.ReplaceAllStringFunc(string(src), func(b string) string {
		if header, _, _ := strings.Cut(b, "{"); slices.Contains(declared, header) {
			return ""
		}
		return b
	})
	d.write(name+"/main.hcl", rest)
	d.write(name+"/piece.hcl", piece)
	if out, code := d.run("llmbench plan -executor=simulate -store=store " + name); code != 0 {
		d.t.Errorf("%s is not planned: exit %d\n%s\n%s", name, code, piece, out)
	}
}

// checkCommand looks for the command and the flags of a line in the help.
func (d desk) checkCommand(page, line string, help map[string]string) {
	d.t.Helper()
	line, _, _ = strings.Cut(line, " #")
	words := strings.Fields(line)
	if len(words) < 2 || words[0] != "llmbench" {
		return
	}
	text, ok := help[words[1]]
	if !ok {
		var code int
		if text, code = d.run("llmbench " + words[1] + " -help"); code != 0 {
			d.t.Errorf("%s: there is no command in %q", page, line)
		}
		help[words[1]] = text
	}
	for _, w := range words[2:] {
		name, _, _ := strings.Cut(w, "=")
		if strings.HasPrefix(w, "-") && !regexp.MustCompile(`(?m)^  `+regexp.QuoteMeta(name)+`\b`).MatchString(text) {
			d.t.Errorf("%s: %q: llmbench %s has no flag %s", page, line, words[1], name)
		}
	}
}
