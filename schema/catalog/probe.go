package catalog

import (
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/hashicorp/hcl/v2/hclwrite"
	"github.com/zclconf/go-cty/cty"
)

// ProbeScript is a script for bash that runs inside an image and prints what ReadProbe
// reads. It needs no GPU.
//
//go:embed probe.sh
var ProbeScript string

// A Probe is what an image says of its TensorRT-LLM.
type Probe struct {
	Version string
	// Engine is the last line of a section "engine" that a script added, "" for none.
	Engine  string
	flags   []*Flag
	options []probedOption
}

type probedOption struct {
	Path   string   `json:"path"`
	Type   string   `json:"type"`
	Values []string `json:"values"`
}

var sectionHead = regexp.MustCompile(`(?m)^== (.+)$`)

// ReadProbe reads the output of ProbeScript: the help texts of click and a list of the
// LLM API's arguments.
func ReadProbe(out []byte) (*Probe, error) {
	text := strings.ReplaceAll(string(out), "\r", "")
	sections := map[string]string{}
	heads := sectionHead.FindAllStringSubmatchIndex(text, -1)
	for i, h := range heads {
		end := len(text)
		if i+1 < len(heads) {
			end = heads[i+1][0]
		}
		sections[text[h[2]:h[3]]] = strings.TrimSpace(text[h[1]:end])
	}
	if _, whole := sections["end"]; !whole {
		return nil, errors.New("the image did not answer to the end: " + lastLine(text))
	}
	p := &Probe{Version: lastLine(sections["version"]), Engine: lastLine(sections["engine"])}
	if !IsVersion(p.Version) {
		return nil, fmt.Errorf("the image says that its version of TensorRT-LLM is %q", p.Version)
	}
	p.flags = append(helpFlags(sections["trtllm-bench --help"], true), helpFlags(sections["trtllm-bench throughput --help"], false)...)
	if len(p.flags) == 0 {
		return nil, errors.New("the help text of trtllm-bench names no flag")
	}
	if err := json.Unmarshal([]byte(lastLine(sections["options"])), &p.options); err != nil {
		return nil, fmt.Errorf("the list of options is not readable: %w", err)
	}
	return p, nil
}

func lastLine(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return strings.TrimSpace(lines[len(lines)-1])
}

// helpLine is a line of a help text that begins an option: its names, and what it takes.
var helpLine = regexp.MustCompile(`^ +(?:-(\w), )?--([\w-]+)(?:, --([\w-]+))?(?: / --([\w-]+))?(?: (\[[^\]]+\]|[A-Z][A-Z_]*(?: RANGE)?))?(?:  .*|)$`)

// helpFlags are the flags of a help text as click prints it.
func helpFlags(help string, global bool) []*Flag {
	var out []*Flag
	for line := range strings.Lines(help) {
		m := helpLine.FindStringSubmatch(strings.TrimRight(line, "\n"))
		if m == nil || m[2] == "help" {
			continue
		}
		f := &Flag{Name: m[2], Short: m[1], Off: m[4], Global: global, Type: "string", Default: cty.NullVal(cty.DynamicPseudoType)}
		switch takes := strings.TrimSuffix(m[5], " RANGE"); {
		case takes == "":
			f.Type = "bool"
		case takes == "INTEGER":
			f.Type = "int"
		case takes == "FLOAT":
			f.Type = "float"
		case takes == "PATH" || takes == "FILE" || takes == "DIRECTORY":
			f.File = true
		case strings.HasPrefix(takes, "["):
			f.Values = strings.Split(strings.Trim(takes, "[]"), "|")
		}
		out = append(out, f)
		if m[3] != "" {
			alias := *f
			alias.Name = m[3]
			out = append(out, &alias)
		}
	}
	return out
}

// Facts writes the probe as a file of facts beside c. What c knows of a flag, such as
// its bounds and who sets it, is taken over; options that it knows keep the flag that
// they override.
func (p *Probe) Facts(c *Catalog, source string) []byte {
	file := hclwrite.NewEmptyFile()
	body := file.Body()
	body.AppendUnstructuredTokens(comment("What " + source + " says of itself, written by `llmbench catalog probe`.\n"))
	version := body.AppendNewBlock("version", []string{p.Version}).Body()
	version.SetAttributeValue("sources", cty.TupleVal([]cty.Value{cty.StringVal(source)}))
	if near, ok := c.Match(p.Version); ok {
		version.SetAttributeValue("chunked_default", cty.BoolVal(near.ChunkedDefault))
		version.SetAttributeValue("shared_sampling_params", cty.BoolVal(near.SharedSamplingParams))
		version.SetAttributeValue("shallow_kv_merge", cty.BoolVal(near.ShallowKVMerge))
		version.SetAttributeValue("graph_sizes_exclude_max", cty.BoolVal(near.GraphSizesExcludeMax))
		version.SetAttributeValue("graph_powers_below", cty.BoolVal(near.GraphPowersBelow))
		version.SetAttributeValue("graph_default_max", cty.NumberIntVal(int64(near.GraphDefaultMax)))
		version.SetAttributeValue("graph_step", cty.NumberIntVal(int64(near.GraphStep)))
	}
	block := func(name string, labels ...string) *hclwrite.Body {
		body.AppendNewline()
		b := body.AppendNewBlock(name, labels).Body()
		b.SetAttributeValue("since", cty.StringVal(p.Version))
		b.SetAttributeValue("until", cty.StringVal(p.Version))
		b.AppendNewline()
		return b
	}
	flags := block("flags")
	for _, f := range p.flags {
		if hclsyntax.ValidIdentifier(f.Name) {
			flags.SetAttributeValue(f.Name, f.known(c).fact())
		}
	}
	for _, parent := range p.objects() {
		var b *hclwrite.Body
		if parent == "" {
			b = block("options")
		} else {
			b = block("object", parent)
		}
		for _, o := range p.options {
			above, name, nested := cutLast(o.Path)
			if !nested {
				above, name = "", o.Path
			}
			if above == parent && o.Type != "object" {
				b.SetAttributeValue(name, o.fact(c))
			}
		}
	}
	return hclwrite.Format(file.Bytes())
}

func comment(text string) hclwrite.Tokens {
	return hclwrite.Tokens{{Type: hclsyntax.TokenComment, Bytes: []byte("# " + text)}}
}

// objects are the options that hold others, the top first.
func (p *Probe) objects() []string {
	out := []string{""}
	for _, o := range p.options {
		if o.Type == "object" && slices.ContainsFunc(p.options, func(in probedOption) bool { return strings.HasPrefix(in.Path, o.Path+".") }) {
			out = append(out, o.Path)
		}
	}
	return out
}

// known is the flag with what the catalogue knows of one of its name.
func (f *Flag) known(c *Catalog) *Flag {
	i := slices.IndexFunc(c.Flags(), func(k *Flag) bool { return k.Name == f.Name })
	if i < 0 {
		return f
	}
	k := *c.Flags()[i]
	k.Off = f.Off
	if k.Ours == "" {
		k.Values = f.Values
	}
	return &k
}

func (f *Flag) fact() cty.Value {
	attrs := map[string]cty.Value{"type": cty.StringVal(f.Type)}
	text := func(name, s string) {
		if s != "" {
			attrs[name] = cty.StringVal(s)
		}
	}
	text("short", f.Short)
	text("off", f.Off)
	text("alias_of", f.AliasOf)
	text("ours", f.Ours)
	for name, on := range map[string]bool{"global": f.Global, "file": f.File, "per_run": f.PerRun} {
		if on {
			attrs[name] = cty.True
		}
	}
	for name, n := range map[string]*float64{"min": f.Min, "max": f.Max} {
		if n != nil {
			attrs[name] = cty.NumberFloatVal(*n)
		}
	}
	if !f.Default.IsNull() {
		attrs["default"] = f.Default
	}
	return withValues(attrs, f.Values)
}

func (o probedOption) fact(c *Catalog) cty.Value {
	attrs := map[string]cty.Value{"type": cty.StringVal(o.Type)}
	for _, v := range slices.Backward(c.Versions) {
		known, ok := v.Option(o.Path)
		if !ok {
			continue
		}
		if known.Overrides != "" {
			attrs["overrides"] = cty.StringVal(known.Overrides)
		}
		if known.File {
			attrs["file"] = cty.True
		}
		break
	}
	return withValues(attrs, o.Values)
}

func withValues(attrs map[string]cty.Value, values []string) cty.Value {
	if len(values) > 0 {
		list := make([]cty.Value, len(values))
		for i, v := range values {
			list[i] = cty.StringVal(v)
		}
		attrs["values"] = cty.TupleVal(list)
	}
	return cty.ObjectVal(attrs)
}
