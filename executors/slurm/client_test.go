package slurm

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// Slurm's commands are named in one file, the client's; Available looks whether they
// are there.
func TestOneClient(t *testing.T) {
	commands := []string{"sbatch", "squeue", "scancel", "scontrol", "sinfo", "sacct", "sacctmgr"}
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		if name == "client.go" || strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(f, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			for _, arg := range call.Args {
				if lit, ok := arg.(*ast.BasicLit); ok && lit.Kind == token.STRING {
					word, _ := strconv.Unquote(lit.Value)
					fun, _ := call.Fun.(*ast.SelectorExpr)
					lookedFor := fun != nil && (fun.Sel.Name == "LookPath" || fun.Sel.Name == "command")
					if slices.Contains(commands, word) && !lookedFor {
						t.Errorf("%s runs %s itself", name, word)
					}
				}
			}
			return true
		})
	}
}
