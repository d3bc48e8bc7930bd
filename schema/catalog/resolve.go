package catalog

import (
	"cmp"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
)

// resolve lists for each version the facts that hold for it.
func (d *document) resolve(c *Catalog) hcl.Diagnostics {
	for _, b := range d.Versions {
		c.Versions = append(c.Versions, b.version())
	}
	var diags hcl.Diagnostics
	for _, b := range d.Flags {
		facts, more := readFacts(b.Facts, b.Source)
		diags = append(diags, more...)
		c.each(b.Since, b.Until, facts, func(v *Version, f fact) { c.keepFlag(v.addFlag(f)) })
	}
	for _, b := range d.Options {
		facts, more := readFacts(b.Facts, b.Source)
		diags = append(diags, more...)
		c.each(b.Since, b.Until, facts, func(v *Version, f fact) { v.addOption("", f) })
	}
	for _, b := range d.Objects {
		facts, more := readFacts(b.Facts, b.Source)
		diags = append(diags, more...)
		for _, v := range c.span(b.Since, b.Until) {
			v.addObject(b.Path)
		}
		c.each(b.Since, b.Until, facts, func(v *Version, f fact) { v.addOption(b.Path, f) })
	}
	for _, b := range d.Renames {
		for _, v := range c.span(b.Since, b.Until) {
			for _, r := range b.Renames {
				v.addRename(r.Old, r.New)
			}
		}
	}
	for _, b := range d.Outputs {
		c.Output = append(c.Output, b.ChangedBy...)
	}
	return diags
}

// version is the version that a block declares, without flags and options.
func (b *versionBlock) version() *Version {
	own, _ := parseRelease(b.Name)
	from, ok := parseRelease(b.Since)
	if !ok {
		from = own
	}
	var sources []string
	for _, s := range append([]string{b.FlagsSource, b.OptionsSource}, b.Sources...) {
		if s != "" && !slices.Contains(sources, s) {
			sources = append(sources, s)
		}
	}
	return &Version{
		Name: b.Name, Sources: sources, release: own, from: from,
		flagsSource: b.FlagsSource, optionsSource: b.OptionsSource,
		SharedSamplingParams: b.SharedSamplingParams, ChunkedDefault: b.ChunkedDefault,
		ShallowKVMerge: b.ShallowKVMerge, GraphSizesExcludeMax: b.GraphSizesExcludeMax,
		GraphDefaultMax: b.GraphDefaultMax, GraphPowersBelow: b.GraphPowersBelow, GraphStep: b.GraphStep, NestedKeysIgnored: b.NestedKeysIgnored,
		flags: map[string]*Flag{}, options: map[string]*Option{}, renames: map[string]string{},
	}
}

// each calls add for every fact in every version that it holds for: one that is
// inside both its own bounds and those of its block.
func (c *Catalog) each(since, until string, facts []fact, add func(*Version, fact)) {
	block := c.span(since, until)
	for _, f := range facts {
		for _, v := range c.span(f.since, f.until) {
			if slices.Contains(block, v) {
				add(v, f)
			}
		}
	}
}

// span returns the versions from since to until, both included; "" is no bound.
func (c *Catalog) span(since, until string) []*Version {
	from, to := 0, len(c.Versions)
	if since != "" {
		from = c.position(since)
	}
	if until != "" {
		to = c.position(until) + 1
	}
	return c.Versions[from:max(from, to)]
}

func (c *Catalog) position(name string) int {
	i := slices.IndexFunc(c.Versions, func(v *Version) bool { return v.Name == name })
	if i < 0 {
		panic("catalog: no version " + name)
	}
	return i
}

// keepFlag puts a flag of a version among those of all.
func (c *Catalog) keepFlag(flag *Flag) {
	i := slices.IndexFunc(c.flags, func(f *Flag) bool { return f.Name == flag.Name })
	if i < 0 {
		c.flags = append(c.flags, flag)
		return
	}
	c.flags[i] = flag
}

func (v *Version) addFlag(f fact) *Flag {
	if v.flags[f.name] != nil {
		panic("catalog: version " + v.Name + " has the flag " + f.name + " twice")
	}
	flag := &Flag{
		Name: f.name, Type: f.typ, Default: f.def, Off: f.off, Range: Range{f.min, f.max}, Values: f.values,
		Global: f.global, File: f.file, PerRun: f.perRun, Short: f.short, AliasOf: f.aliasOf, Ours: f.ours,
		Source: cmp.Or(f.source, v.flagsSource),
	}
	v.Flags, v.flags[f.name] = append(v.Flags, flag), flag
	return flag
}

func (v *Version) addOption(parent string, f fact) {
	path := f.name
	if parent != "" {
		path = parent + "." + f.name
	}
	if v.options[path] != nil {
		panic("catalog: version " + v.Name + " has the option " + path + " twice")
	}
	o := &Option{Path: path, Type: f.typ, Range: Range{f.min, f.max}, Values: f.values, Overrides: f.overrides, File: f.file, Source: cmp.Or(f.source, v.optionsSource)}
	v.Options, v.options[path] = append(v.Options, o), o
}

// addObject makes sure that there is an option of type object. One that several
// blocks describe has the keys of all of them.
func (v *Version) addObject(path string) {
	if o := v.options[path]; o == nil {
		parent, name, ok := cutLast(path)
		if !ok {
			parent, name = "", path
		}
		v.addOption(parent, fact{name: name, typ: "object"})
	} else if o.Type != "object" {
		panic("catalog: option " + path + " is both an object and " + o.Type)
	}
}

func (v *Version) addRename(old, right string) {
	if _, ok := v.renames[old]; ok {
		panic("catalog: version " + v.Name + " renames " + old + " twice")
	}
	v.Renames, v.renames[old] = append(v.Renames, &Rename{Old: old, New: right}), right
}

func cutLast(path string) (before, after string, ok bool) {
	i := strings.LastIndexByte(path, '.')
	if i < 0 {
		return path, "", false
	}
	return path[:i], path[i+1:], true
}
