package schema

import (
	"fmt"
	"regexp"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
)

// make makes the cells of one benchmark.
func (m *maker) make(b *benchmarkBlock) hcl.Diagnostics {
	var diags hcl.Diagnostics
	for _, r := range b.rows {
		diags = append(diags, m.checkAxes(r, r.axes())...)
	}
	if diags.HasErrors() {
		return diags
	}
	total, left := 0, 0
	for i, r := range b.rows {
		ofRow, kept, more := m.makeRow(r, i)
		diags = append(diags, more...)
		diags = append(diags, r.matrix.checkCounts(ofRow, kept)...)
		total, left = total+ofRow, left+kept
	}
	m.defs.Excluded += total - left
	return append(diags, b.matrix.checkCounts(total, left)...)
}

// makeRow makes the cells of the row at a position: the product of the axes without what
// excludes remove. A cell with a mistake is left out.
func (m *maker) makeRow(r *row, position int) (total, left int, diags hcl.Diagnostics) {
	axes, excludes := r.axes(), slices.Concat(r.benchmark.matrix.excludes, r.matrix.excludes)
	res := &resolver{maker: m, row: r, axes: axes, nodes: map[string]*node{}}
	cell := res.cells()
	if cell != nil {
		res.diags = append(res.diags, res.unusedAxes()...)
	}
	at := make([]int, len(axes))
	for more := true; more; more = next(at, axes) {
		total++
		if removes(excludes, position, axes, at) {
			continue
		}
		left++
		if cell != nil {
			if c := cell(at); c != nil {
				m.defs.Cells = append(m.defs.Cells, c)
				continue
			}
		}
		m.lost = &r.rng
	}
	return total, left, res.diags
}

// unusedAxes refuses free axes that no argument of the row refers to.
func (r *resolver) unusedAxes() hcl.Diagnostics {
	var diags hcl.Diagnostics
	for _, ax := range r.axes {
		if _, used := r.nodes[ax.name]; ax.free && !used && len(ax.values) > 1 {
			diags = append(diags, refuse(ax.rng, "Axis that nothing refers to", "No argument of the row %q refers to each.%s, so its runs would all measure the same. Refer to it, for example in llm_api_options, or remove the axis.", r.row.label, ax.name))
		}
	}
	return diags
}

// next steps to the next position, the last axis fastest; false after the last.
func next(at []int, axes []*axis) bool {
	for i := len(at) - 1; i >= 0; i-- {
		if at[i]++; at[i] < len(axes[i].values) {
			return true
		}
		at[i] = 0
	}
	return false
}

// cells builds all nodes. The function that it returns puts one cell together, nil if that
// has a mistake; it goes on after the first one, so that all are found at once. The
// function is nil if a node has a mistake.
func (r *resolver) cells() func(at []int) *Cell {
	ready := true
	get := func(name string) *node {
		n := r.node(name, r.row.rng)
		ready = ready && n != nil
		return n
	}
	var own, flags []*node
	for _, name := range append(slices.Clone(blockArguments), "use_case") {
		own = append(own, get(name))
	}
	for _, f := range single {
		own = append(own, get(f.name))
	}
	env, img := get("env"), r.nodes["image"]
	if img == nil {
		return nil // flags and options say nothing without a version
	}
	opts := get("llm_api_options")
	for _, name := range r.args.flags { // in the order of the diagnostics
		flags = append(flags, get(name))
	}
	if !ready {
		return nil
	}
	settings, args := r.joined(own, r.newSettings), r.joined(flags, func(flags []*node, at []int) result { return r.newArgs(image(img, at), flags, at) })
	return func(at []int) *Cell {
		settings, args, opts, env := settings.at(at), args.at(at), opts.at(at), env.at(at)
		if !settings.ok || !args.ok || !opts.ok || !env.ok {
			return nil
		}
		c := *settings.extra.(*Cell)
		c.Address = r.address(at)
		c.Args, c.Options, c.Env = args.extra.(*Args), opts.extra.(*LLMAPIOptions), env.extra.(*Environment)
		return &c
	}
}

// joined is a node that is worked out from others.
func (r *resolver) joined(of []*node, eval func(of []*node, at []int) result) *node {
	n := &node{eval: func(at []int) result { return eval(of, at) }}
	for _, one := range of {
		n.mask |= one.mask
	}
	n.allot(r.axes)
	return n
}

// newArgs gives all flags of the image's version their values.
func (r *resolver) newArgs(img *Image, flags []*node, at []int) result {
	if img == nil {
		return result{}
	}
	args, ok := &Args{names: r.args.flags, values: make([]cty.Value, len(flags)), origins: make([]*Origin, len(flags))}, true
	for i, n := range flags {
		res := n.at(at)
		ok = ok && res.ok
		if _, has := img.version.Flag(n.name); has {
			args.values[i], args.origins[i] = res.value, res.origin
		}
	}
	return result{extra: args, ok: ok}
}

// newSettings is a cell without its address, flags, options and environment.
func (r *resolver) newSettings(own []*node, at []int) result {
	c, ok := &Cell{Benchmark: r.row.benchmark.label, Range: r.row.rng, SLO: r.row.slo.over(r.row.benchmark.slo), origins: origins{}}, true
	of := map[string]result{}
	for _, n := range own {
		of[n.name] = n.at(at)
		ok = ok && of[n.name].ok
		c.origins.add(n.name, of[n.name].origin)
	}
	r.diags = append(r.diags, r.row.useCase.problems...)
	if !ok || !r.row.useCase.usable() {
		return result{}
	}
	c.Model, c.Hardware, c.Image = of["model"].extra.(*Model), of["hardware"].extra.(*Hardware), of["image"].extra.(*Image)
	c.UseCase, c.Version = r.row.useCase, c.Image.version
	c.Samples, c.MaxSamples = whole(of["samples"].value), whole(of["max_samples"].value)
	c.Executor, c.Engine = text(of["executor"].value), text(of["engine"].value)
	if v := of["precision"].value; !v.IsNull() {
		c.Precision = *share(v)
	}
	if v := of["time_limit"].value; !v.IsNull() {
		c.TimeLimit, _ = ParseDuration(v)
	}
	if v := of["request_log"].value; !v.IsNull() {
		c.RequestLog = new(v.True())
	}
	given := c.MaxSamples > 0
	switch rng := c.origins["max_samples"]; {
	case given && c.Precision == 0:
		r.diags = append(r.diags, refuse(rng.Range, "Limit without a precision", `max_samples limits how many samples a precision may take, and none is asked for. Set precision = "2%%", or say with samples how many to take.`))
		return result{}
	case given && c.MaxSamples < c.Samples:
		r.diags = append(r.diags, refuse(rng.Range, "Unsuitable value", "max_samples is %d, which is less than samples = %d. Raise it, or lower samples.", c.MaxSamples, c.Samples))
		return result{}
	case !given && c.Precision > 0:
		c.MaxSamples = max(c.Samples, defaultMaxSamples)
	case !given:
		c.MaxSamples = c.Samples
	}
	return result{extra: c, ok: true}
}

// address is the name of a cell, in the manner of a Go benchmark.
func (r *resolver) address(at []int) string {
	out := r.row.benchmark.label + "/use_case=" + r.row.label
	for i, ax := range r.axes {
		out += "/" + ax.name + "=" + ax.values[at[i]].label
	}
	return out
}

// componentPattern is what a value may look like in an address.
var componentPattern = regexp.MustCompile(`^[A-Za-z0-9_.]+$`)

// valueLabel shows a value in an address, "" if it has no short form.
func valueLabel(v cty.Value) string {
	if v.IsNull() || !v.IsKnown() {
		return ""
	}
	switch v.Type() {
	case cty.String:
		return v.AsString()
	case cty.Number:
		return shortest(v)
	case cty.Bool:
		if v.True() {
			return "true"
		}
		return "false"
	}
	return ""
}

// blockLabel is the label of the block that v is, which must be of the type
// that argument wants. wrong ends a sentence that begins with the value.
func blockLabel(argument string, v cty.Value) (label, wrong string) {
	v, _ = v.Unmark()
	if v.IsKnown() && !v.IsNull() && v.Type().Equals(blockTypes[argument]) {
		return v.GetAttr("label").AsString(), ""
	}
	plain, _ := v.UnmarkDeep()
	for word, ty := range blockTypes {
		if plain.Type().Equals(ty) && !plain.IsNull() {
			return "", fmt.Sprintf("must be %s block, as in %s.NAME, and this is %s block", article(noun(argument)), argument, article(noun(word)))
		}
	}
	if plain.Type() == cty.String && plain.IsKnown() && !plain.IsNull() {
		return "", fmt.Sprintf("must be %s block, not a string. Write %s.%s without quotes", article(noun(argument)), argument, plain.AsString())
	}
	return "", fmt.Sprintf("must be %s block, as in %s.NAME", article(noun(argument)), argument)
}
