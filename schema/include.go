package schema

import (
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// shareable are the blocks that an included directory may hold.
var shareable = []string{"variable", "locals", "executor", "model", "hardware", "image", "use_case"}

// included parses the files of the directories that llmbench blocks of bodies
// include.
func (l *loader) included(bodies []*hclsyntax.Body) ([]*hclsyntax.Body, hcl.Diagnostics) {
	var out []*hclsyntax.Body
	var diags hcl.Diagnostics
	for _, body := range bodies {
		for _, b := range body.Blocks {
			if a := b.Body.Attributes["include"]; b.Type == "llmbench" && a != nil {
				more, wrong := l.include(a)
				out, diags = append(out, more...), append(diags, wrong...)
			}
		}
	}
	return out, diags
}

func (l *loader) include(a *hclsyntax.Attribute) ([]*hclsyntax.Body, hcl.Diagnostics) {
	v, diags := literal(a.Expr, "include")
	if diags.HasErrors() {
		return nil, diags
	}
	refused := func(format string, args ...any) hcl.Diagnostics {
		return hcl.Diagnostics{refuse(a.Expr.Range(), "Unsuitable include", format, args...)}
	}
	if !v.Type().IsTupleType() {
		return nil, refused(`include must be a list of directories, such as ["../common"], not %s.`, describe(v))
	}
	var out []*hclsyntax.Body
	var seen []string
	for it := v.ElementIterator(); it.Next(); {
		_, e := it.Element()
		if e.IsNull() || e.Type() != cty.String {
			return nil, refused(`include must be a list of directories, such as ["../common"], and it holds %s.`, describe(e))
		}
		dir := filepath.Join(l.defs.Dir, filepath.FromSlash(e.AsString()))
		switch wrong := outsideWorkTree(l.defs.Dir, dir); {
		case filepath.IsAbs(e.AsString()):
			return nil, refused("The path %q is absolute. Write it relative to these definitions, so that it means the same in every clone.", e.AsString())
		case wrong != "":
			return nil, refused("The directory %q %s.", e.AsString(), wrong)
		case slices.Contains(seen, dir):
			return nil, refused("The directory %q is included twice.", e.AsString())
		}
		seen = append(seen, dir)
		bodies, more := l.sources.directory(dir)
		diags = append(diags, more...)
		out = append(out, bodies...)
	}
	return out, append(diags, refuseUnshared(out)...)
}

// refuseUnshared refuses blocks that belong to one set of definitions.
func refuseUnshared(bodies []*hclsyntax.Body) hcl.Diagnostics {
	var diags hcl.Diagnostics
	for _, body := range bodies {
		for _, b := range body.Blocks {
			if slices.Contains(fileShape.blocks, b.Type) && !slices.Contains(shareable, b.Type) {
				diags = append(diags, refuse(b.DefRange(), "Block in an included directory",
					"%s block cannot be included; a directory that others include holds %s. Move it to the definitions that it belongs to.", capital(article(b.Type)), strings.Join(shareable, ", ")))
			}
		}
	}
	return diags
}

// outsideWorkTree says why dir is not beside from in one git work tree, "" if it is:
// what a plan depends on is reviewed together.
func outsideWorkTree(from, dir string) string {
	here, err := realPath(from)
	if err != nil {
		return "cannot be looked at: " + err.Error()
	}
	there, err := realPath(dir)
	switch {
	case err != nil:
		return "does not exist"
	case here == there:
		return "is that of these definitions, whose files are read anyway"
	}
	root := here
	for ; ; root = filepath.Dir(root) {
		if _, err := os.Stat(filepath.Join(root, ".git")); err == nil {
			break
		}
		if root == filepath.Dir(root) {
			return "is included by definitions that are in no git work tree; what is included must be reviewed with them"
		}
	}
	if rel, err := filepath.Rel(root, there); err != nil || rel == ".." || strings.HasPrefix(rel, ".."+string(filepath.Separator)) {
		return "is outside the git work tree of these definitions"
	}
	return ""
}

func realPath(path string) (string, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	return filepath.EvalSymlinks(abs)
}
