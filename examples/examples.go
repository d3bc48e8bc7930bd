// Package examples holds the published recipes as definitions, so that
// `llmbench init` can write them and tests can plan them.
package examples

import (
	"embed"
	"fmt"
	"io/fs"
	"path"
	"strings"
)

//go:embed */*.hcl */README.md
var files embed.FS

// A Recipe is a directory of definitions that init can start from.
type Recipe struct {
	// Name is what -from takes; About is the first sentence of its README.
	Name, About string
}

// Recipes lists the recipes by name.
func Recipes() []Recipe {
	entries, err := files.ReadDir(".")
	if err != nil {
		panic("examples: " + err.Error())
	}
	var out []Recipe
	for _, e := range entries {
		out = append(out, Recipe{Name: e.Name(), About: about(e.Name())})
	}
	return out
}

// about is the first line of prose in a recipe's README.
func about(name string) string {
	b, err := files.ReadFile(path.Join(name, "README.md"))
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(b)) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			return line
		}
	}
	return ""
}

// Files returns the definitions of a recipe by file name. The name may end in
// the label of the recipe's hardware: llama4-maverick-gb200x8.
func Files(name string) (map[string][]byte, error) {
	found, err := fs.Glob(files, path.Join(name, "*.hcl"))
	if err == nil && len(found) == 0 {
		return onHardware(name)
	}
	if err != nil {
		return nil, fmt.Errorf("there is no recipe %q", name)
	}
	out := map[string][]byte{}
	for _, p := range found {
		if out[path.Base(p)], err = files.ReadFile(p); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// onHardware is a recipe that is named with the label of its hardware.
func onHardware(name string) (map[string][]byte, error) {
	none := fmt.Errorf("there is no recipe %q", name)
	cut := strings.LastIndexByte(name, '-')
	if cut < 1 {
		return nil, none
	}
	label := name[cut+1:]
	for _, r := range Recipes() {
		if r.Name != name[:cut] {
			continue
		}
		found, err := Files(r.Name)
		if err != nil {
			return nil, none
		}
		for _, text := range found {
			if strings.Contains(string(text), fmt.Sprintf("\nhardware %q {", label)) {
				return found, nil
			}
		}
	}
	return nil, none
}
