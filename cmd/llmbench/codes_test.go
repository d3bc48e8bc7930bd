package main

import (
	"go/ast"
	"go/constant"
	"go/types"
	"strings"
	"testing"

	"golang.org/x/tools/go/packages"

	"github.com/llmbench/llmbench/plan/failure"
)

// Every code that anything emits is one of the table: whatever has the type of a code
// and stands in the source is a name of package failure, never a string.
func TestCodesAreOfTheTable(t *testing.T) {
	const mode = packages.NeedName | packages.NeedFiles | packages.NeedImports | packages.NeedTypes | packages.NeedSyntax | packages.NeedTypesInfo
	pkgs, err := packages.Load(&packages.Config{Mode: mode}, module+"...")
	if err != nil {
		t.Fatal(err)
	}
	used := map[failure.Code]bool{}
	for _, p := range pkgs {
		if len(p.Errors) > 0 {
			t.Fatal(p.Errors)
		}
		home := strings.TrimPrefix(p.PkgPath, module) == "plan/failure"
		for _, file := range p.Syntax {
			ast.Inspect(file, func(n ast.Node) bool {
				e, ok := n.(ast.Expr)
				if !ok {
					return true
				}
				code, ok := codeOf(p.TypesInfo.Types[e])
				if !ok {
					return true
				}
				if _, literal := e.(*ast.BasicLit); literal && !home && code != "" {
					t.Errorf("%s: write failure.… for %q", p.Fset.Position(e.Pos()), code)
				}
				if code != "" && !code.Known() {
					t.Errorf("%s: %q is not in the table", p.Fset.Position(e.Pos()), code)
				}
				used[code] = used[code] || !home
				return true
			})
		}
	}
	for _, e := range failure.Table {
		if !used[e.Code] {
			t.Errorf("nothing emits %s", e.Code)
		}
	}
}

// codeOf is the constant that an expression of a code's type has.
func codeOf(tv types.TypeAndValue) (failure.Code, bool) {
	named, ok := types.Unalias(tv.Type).(*types.Named)
	if !ok || tv.Value == nil || tv.Value.Kind() != constant.String || named.Obj().Name() != "Code" || named.Obj().Pkg().Path() != module+"plan/failure" {
		return "", false
	}
	return failure.Code(constant.StringVal(tv.Value)), true
}
