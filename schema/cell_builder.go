package schema

import (
	"maps"
	"time"

	"github.com/zclconf/go-cty/cty"
)

// A cellBuilder puts cells together. What depends on the image alone is put
// together once for each.
type cellBuilder struct {
	*resolver
	image, model, hardware, useCase *node
	own                             map[string]*node
	env, options                    *node
	flags                           []*node // in order, of any version
	declared                        map[string]bool
	templates                       map[int]*template
	differing                       []*node // neither flags nor merged, and not the same in all cells
}

// A template is what all cells of one image share.
type template struct {
	args    map[string]cty.Value
	origins map[string]*Origin // of args
	varying []*node            // the flags that differ between cells
	// complete are the origins of everything, for the cells with these options
	// and environment.
	complete map[layered]*map[string]*Origin
	ok       bool
}

// layered are the merged arguments of a cell.
type layered struct {
	options *options
	env     *environment
}

// newCellBuilder builds all nodes; not ready if one has a mistake.
func (r *resolver) newCellBuilder() (*cellBuilder, bool) {
	b := &cellBuilder{resolver: r, own: map[string]*node{}, declared: map[string]bool{}, templates: map[int]*template{}}
	ready := true
	get := func(name string) *node {
		n := r.node(name, r.row.rng)
		ready = ready && n != nil
		return n
	}
	b.model, b.hardware, b.image, b.useCase = get("model"), get("hardware"), get("image"), get("use_case")
	for _, name := range single {
		b.own[name] = get(name)
	}
	b.env = get("env")
	if b.image == nil {
		return b, false // flags and options say nothing without a version
	}
	b.options = get("llm_api_options")
	for _, name := range r.args.flags {
		a, _ := r.attribute(name)
		b.declared[name] = a != nil || r.axis(name) >= 0
		b.flags = append(b.flags, get(name))
	}
	for _, n := range b.others() {
		if n != nil && n.mask != 0 {
			b.differing = append(b.differing, n)
		}
	}
	return b, ready
}

// cell puts one cell together, nil if it has a mistake. It goes on after the
// first one, so that all are found at once.
func (b *cellBuilder) cell(at []int) *Cell {
	c := &Cell{Benchmark: b.row.benchmark.label, Range: b.row.rng}
	t := b.template(at)
	ok := b.blocks(c, at)
	ok = b.ownArguments(c, at) && ok
	env, opts := b.env.at(at), b.options.at(at)
	if ok = ok && t.ok && env.ok && opts.ok; !ok {
		b.varyingFlags(nil, t, at)
		return nil
	}
	layers := layered{opts.extra.(*options), env.extra.(*environment)}
	c.Args.common, c.Origins.common = &t.args, b.origins(t, layers, at)
	c.Args.own = make([]ownValue[cty.Value], 0, len(t.varying))
	c.Origins.own = make([]ownValue[*Origin], 0, len(t.varying)+len(b.differing))
	if !b.varyingFlags(c, t, at) {
		return nil
	}
	for _, n := range b.differing {
		c.Origins.own = append(c.Origins.own, ownOrigin(n.name, n.at(at)))
	}
	c.Options, c.Env = opts.value, layers.env.vars
	c.Address = b.address(at)
	c.common = Common{Args: t, Options: layers.options, Env: layers.env}
	return c
}

func ownOrigin(name string, r result) ownValue[*Origin] {
	return ownValue[*Origin]{name, r.origin, r.origin == nil}
}

// maxComplete bounds the memory of a template where options differ in every
// cell.
const maxComplete = 1000

// origins are those of a cell apart from what varies.
func (b *cellBuilder) origins(t *template, layers layered, at []int) *map[string]*Origin {
	if out := t.complete[layers]; out != nil {
		return out
	}
	out := maps.Clone(t.origins)
	maps.Copy(out, layers.options.origins)
	for name, o := range layers.env.origins {
		out["env."+name] = o
	}
	for _, n := range b.others() {
		if o := n.at(at).origin; o != nil {
			out[n.name] = o
		}
	}
	if len(t.complete) < maxComplete {
		t.complete[layers] = &out
	}
	return &out
}

// others are the nodes that are neither flags nor merged.
func (b *cellBuilder) others() []*node {
	out := []*node{b.model, b.hardware, b.image, b.useCase}
	for _, name := range single {
		out = append(out, b.own[name])
	}
	return out
}

// varyingFlags fills in the flags that are not the same for all cells of the
// image. With a nil cell it only looks for mistakes.
func (b *cellBuilder) varyingFlags(c *Cell, t *template, at []int) bool {
	ok := true
	for _, n := range t.varying {
		res := n.at(at)
		if !res.ok {
			ok = false
			continue
		}
		if _, has := t.args[n.name]; has && c != nil {
			c.Args.own = append(c.Args.own, ownValue[cty.Value]{name: n.name, value: res.value})
			c.Origins.own = append(c.Origins.own, ownOrigin(n.name, res))
		}
	}
	return ok
}

// template returns what the cells share that have the image of this one.
func (b *cellBuilder) template(at []int) *template {
	key := b.image.key(at)
	if t := b.templates[key]; t != nil {
		return t
	}
	t := &template{args: map[string]cty.Value{}, origins: map[string]*Origin{}, complete: map[layered]*map[string]*Origin{}, ok: true}
	b.templates[key] = t
	img := image(b.image, at)
	if img == nil {
		t.ok = false
		return t
	}
	for _, n := range b.flags {
		if _, has := img.version.Flag(n.name); !has && !b.declared[n.name] {
			continue
		} else if n.mask&^b.image.mask != 0 {
			t.varying = append(t.varying, n)
			if has {
				t.args[n.name] = cty.NilVal // each cell has its own
			}
		} else if res := n.at(at); !res.ok {
			t.ok = false
		} else if has {
			t.args[n.name] = res.value
			if res.origin != nil {
				t.origins[n.name] = res.origin
			}
		}
	}
	return t
}

// blocks fills in model, hardware, image and use case.
func (b *cellBuilder) blocks(c *Cell, at []int) bool {
	model, hardware, img, use := b.model.at(at), b.hardware.at(at), b.image.at(at), b.useCase.at(at)
	b.diags = append(b.diags, b.row.useCase.problems...)
	if !model.ok || !hardware.ok || !img.ok || b.row.useCase.broken || len(b.row.useCase.problems) > 0 {
		return false
	}
	c.Model, c.Hardware, c.Image = model.extra.(*Model), hardware.extra.(*Hardware), img.extra.(*Image)
	c.UseCase, c.Version = use.extra.(*UseCase), c.Image.version
	return true
}

// ownArguments fills in what is no flag and no block.
func (b *cellBuilder) ownArguments(c *Cell, at []int) bool {
	ok := true
	for _, name := range single {
		ok = b.own[name].at(at).ok && ok
	}
	if !ok {
		return false
	}
	extra := func(name string) any { return b.own[name].at(at).extra }
	c.Samples = extra("samples").(int)
	c.Precision, _ = extra("precision").(float64)
	c.TimeLimit, _ = extra("time_limit").(time.Duration)
	c.Executor, _ = extra("executor").(string)
	c.Engine = extra("engine").(string)
	if on, given := extra("request_log").(bool); given {
		c.RequestLog = &on
	}
	c.SLO = b.row.slo.over(b.row.benchmark.slo)
	most, given := extra("max_samples").(int)
	c.MaxSamples = c.Samples
	if given {
		c.MaxSamples = most
	} else if c.Precision > 0 {
		c.MaxSamples = max(c.Samples, defaultMaxSamples)
	}
	return b.checkSamples(c, b.own["max_samples"].at(at).origin, given)
}

func (b *cellBuilder) checkSamples(c *Cell, most *Origin, given bool) bool {
	switch {
	case given && c.Precision == 0:
		b.diags = append(b.diags, refuse(most.Range, "Limit without a precision", `max_samples limits how many samples a precision may take, and none is asked for. Set precision = "2%%", or say with samples how many to take.`))
	case given && c.MaxSamples < c.Samples:
		b.diags = append(b.diags, refuse(most.Range, "Unsuitable value", "max_samples is %d, which is less than samples = %d. Raise it, or lower samples.", c.MaxSamples, c.Samples))
	default:
		return true
	}
	return false
}

// address is the name of a cell, in the manner of a Go benchmark.
func (b *cellBuilder) address(at []int) string {
	out := make([]byte, 0, 128)
	out = append(out, b.row.benchmark.label...)
	out = append(append(out, "/use_case="...), b.row.label...)
	for i, ax := range b.axes {
		out = append(append(out, '/'), ax.name...)
		out = append(append(out, '='), ax.values[at[i]].label...)
	}
	return string(out)
}
