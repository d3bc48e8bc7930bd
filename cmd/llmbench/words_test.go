package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// Nothing that the binary can print, and no document, has a phrase of
// testdata/words.txt. The words that other programs use stand in files of their own.
func TestWords(t *testing.T) {
	const root = "../.."
	phrases := map[string]string{}
	text, err := os.ReadFile(filepath.Join(root, "testdata/words.txt"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if phrase, instead, ok := strings.Cut(strings.TrimSpace(line), " => "); ok && !strings.HasPrefix(line, "#") {
			phrases[phrase] = instead
		}
	}
	if len(phrases) < 80 {
		t.Errorf("only %d phrases", len(phrases))
	}
	check := func(location, said string) {
		said = strings.ToLower(strings.Join(strings.Fields(said), " "))
		for phrase, instead := range phrases {
			if at := strings.Index(said, phrase); at >= 0 {
				t.Errorf("%s: write %q in place of %q: …%.120s", location, instead, phrase, said[max(0, at-40):])
			}
		}
	}
	foreign := map[string]bool{"executors/slurm/words.go": true, "plan/trtllm/words.go": true}
	fset := token.NewFileSet()
	for _, dir := range []string{"README.md", "CHANGELOG.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "docs", "cmd", "plan", "schema", "executors", "examples"} {
		err := filepath.WalkDir(filepath.Join(root, dir), func(path string, d os.DirEntry, err error) error {
			name, _ := filepath.Rel(root, path)
			switch {
			case err != nil || d.IsDir() || foreign[name] || strings.HasSuffix(path, "_test.go") || strings.Contains(path, "testdata"):
				return err
			case strings.HasSuffix(path, ".md"), strings.HasSuffix(path, "reference.hcl"), strings.HasSuffix(path, ".html"):
				b, err := os.ReadFile(path)
				check(name, string(b))
				return err
			case !strings.HasSuffix(path, ".go"):
				return nil
			}
			file, err := parser.ParseFile(fset, path, nil, 0)
			if err != nil {
				return err
			}
			ast.Inspect(file, func(n ast.Node) bool {
				if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING {
					if said, err := strconv.Unquote(lit.Value); err == nil {
						check(fset.Position(lit.Pos()).String(), said)
					}
				}
				return true
			})
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}
