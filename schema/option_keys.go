package schema

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"github.com/llmbench/llmbench/schema/catalog"
)

// optionChecker compares merged options with what a version knows.
type optionChecker struct {
	version *catalog.Version
	// beyond is the catalogued version on the other side of one that is not
	// catalogued itself, else nil: what only that one has may be right too.
	beyond  *catalog.Version
	name    string // of the version in the image
	catalog *catalog.Catalog
	diags   hcl.Diagnostics
}

// checkOptions refuses keys that the version lacks or spells another way, keys
// that override a flag, and values of the wrong type.
func checkOptions(t *tree, img *Image, cat *catalog.Catalog) hcl.Diagnostics {
	c := &optionChecker{version: img.version, beyond: img.Match.Beyond, name: img.versionText(), catalog: cat}
	c.object(t, "")
	return c.diags
}

func (c *optionChecker) object(t *tree, prefix string) {
	for _, name := range t.names() {
		c.key(t.attrs[name], prefix+name, prefix, name)
	}
}

func (c *optionChecker) key(t *tree, path, prefix, name string) {
	opt, ok := c.option(path)
	if _, renamed := c.version.Renamed(path); renamed && !ok {
		c.refuse(t, "Option of another version", "TensorRT-LLM %s spells %s another way. Write %s", c.name, path, strings.Join(c.respelt(t, path), " and "))
		return
	}
	if !ok && path == formerConfig {
		c.former(t)
		return
	}
	if !ok {
		c.unknown(t, path, prefix, name)
		return
	}
	if opt.Overrides != "" {
		c.overrides(t, path, opt.Overrides)
		return
	}
	if wrong := wrongOption(opt, t); wrong != "" {
		c.refuse(t, "Unsuitable value", "The option %s %s", path, sentence(wrong))
		return
	}
	if t.attrs != nil && c.hasChildren(path) {
		c.object(t, path+".")
	}
}

// formerConfig held the options of the PyTorch backend before 1.0.
const formerConfig = "pytorch_backend_config"

// former says where the keys of formerConfig went.
func (c *optionChecker) former(t *tree) {
	var now, gone []string
	for _, name := range t.names() {
		path := name
		if to, ok := c.version.Renamed(name); ok {
			path = to
		}
		if _, ok := c.option(path); ok {
			now = append(now, nested(path))
		} else {
			gone = append(gone, name)
		}
	}
	text := "Since 1.0 its keys are at the top level."
	if len(now) > 0 {
		text += " Write " + strings.Join(now, " and ") + "."
	}
	if len(gone) > 0 {
		text += " There is no option any more for " + strings.Join(gone, ", ") + "."
	}
	c.refuse(t, "Option of another version", "TensorRT-LLM %s has no %s. %s", c.name, formerConfig, text)
}

// option finds an option of the version, or of the one beyond.
func (c *optionChecker) option(path string) (*catalog.Fact, bool) {
	opt, ok := c.version.Option(path)
	if !ok && c.beyond != nil {
		opt, ok = c.beyond.Option(path)
	}
	return opt, ok
}

// respelt lists the right spellings of a renamed option and of what it holds.
func (c *optionChecker) respelt(t *tree, path string) []string {
	var out []string
	if to, ok := c.version.Renamed(path); ok {
		right := nested(to)
		if strings.Contains(path, ".") && !strings.Contains(to, ".") {
			right += " at the top level"
		}
		out = append(out, right)
	}
	for _, name := range t.names() {
		for _, right := range c.respelt(t.attrs[name], path+"."+name) {
			if right = strings.TrimSuffix(right, " at the top level"); !slices.Contains(out, right) {
				out = append(out, right)
			}
		}
	}
	return out
}

func (c *optionChecker) overrides(t *tree, path, argument string) {
	instead := "Set the argument " + argument + " of the benchmark instead."
	if why, ours := c.catalog.OwnedFlag(argument); ours {
		instead = why + " Remove the key."
	} else if slices.Contains(ownArguments, argument) {
		c.refuse(t, "Option that overrides an argument", "%s in the options file would silently override the argument %s of the benchmark, so that the plan would not show what runs. Remove the key.", path, argument)
		return
	}
	c.refuse(t, "Option that overrides a flag", "%s in the options file would silently override the flag --%s, and the report would still show the flag. %s", path, argument, instead)
}

func (c *optionChecker) hasChildren(path string) bool {
	for _, v := range []*catalog.Version{c.version, c.beyond} {
		if v != nil && v.HasBelow(path) {
			return true
		}
	}
	return false
}

func (c *optionChecker) unknown(t *tree, path, prefix, name string) {
	var siblings []string
	for _, o := range c.version.Options {
		rest, ok := strings.CutPrefix(o.Name, prefix)
		if ok && !strings.Contains(rest, ".") {
			siblings = append(siblings, rest)
		}
	}
	hint := DidYouMean(name, siblings)
	if hint == "" {
		hint = c.elsewhere(path, name)
	}
	if hint == "" && prefix != "" {
		hint = fmt.Sprintf(" %s holds: %s.", strings.TrimSuffix(prefix, "."), strings.Join(siblings, ", "))
	}
	c.refuse(t, "Unknown option", "TensorRT-LLM %s has no option %q, and would refuse the file or ignore the key.%s", c.name, path, hint)
}

// elsewhere tells of the same path in other versions, or of the same key at
// another place of this one; "" if there is neither.
func (c *optionChecker) elsewhere(path, name string) string {
	for _, o := range c.version.Options {
		if o.Overrides == "" && (o.Name == name || strings.HasSuffix(o.Name, "."+name)) {
			return fmt.Sprintf(" It has %s: write %s.", o.Name, nested(o.Name))
		}
	}
	var versions []string
	for _, v := range c.catalog.Versions {
		if _, ok := v.Option(path); ok {
			versions = append(versions, v.Name)
		}
	}
	if len(versions) > 0 {
		return fmt.Sprintf(" It is an option of %s.", strings.Join(versions, ", "))
	}
	return ""
}

// nested writes a dotted path as it stands in an object.
func nested(path string) string {
	parts := strings.Split(path, ".")
	out := parts[len(parts)-1] + " = …"
	for i := len(parts) - 2; i >= 0; i-- {
		out = parts[i] + " = { " + out + " }"
	}
	return out
}

func (c *optionChecker) refuse(t *tree, summary, format string, args ...any) {
	c.diags = append(c.diags, refuse(t.origin.Range, summary, format, args...))
}

// oddElement tells of the first element that keeps a list from being a value of
// opt.
func oddElement(opt *catalog.Fact, list cty.Value) string {
	if !list.Type().IsTupleType() {
		return ""
	}
	for _, e := range list.AsValueSlice() {
		if !opt.Is(cty.TupleVal([]cty.Value{e})) {
			return " with " + describe(e)
		}
	}
	return ""
}

// wrongOption says what keeps t from being a value of opt, "" if nothing does.
// null suits every option.
func wrongOption(opt *catalog.Fact, t *tree) string {
	v := t.plain()
	switch {
	case t.attrs != nil && !opt.Is(v):
		return "must be " + typeNouns[opt.Type] + ", not an object"
	case !opt.Is(v):
		return "must be " + typeNouns[opt.Type] + ", not " + describe(v) + oddElement(opt, v)
	}
	return wrongValue(opt, v)
}
