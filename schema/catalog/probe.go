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
	flags   []*Fact
	options []*Fact
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
	for _, o := range p.options {
		o.Default = cty.NullVal(cty.DynamicPseudoType)
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
func helpFlags(help string, global bool) []*Fact {
	var out []*Fact
	for line := range strings.Lines(help) {
		m := helpLine.FindStringSubmatch(strings.TrimRight(line, "\n"))
		if m == nil || m[2] == "help" {
			continue
		}
		f := &Fact{Name: m[2], Short: m[1], Off: m[4], Global: global, Type: "string", Default: cty.NullVal(cty.DynamicPseudoType)}
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
	body.AppendUnstructuredTokens(hclwrite.Tokens{{
		Type: hclsyntax.TokenComment, Bytes: []byte("# What " + source + " says of itself, written by `llmbench catalog probe`.\n"),
	}})
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
			flags.SetAttributeValue(f.Name, known(f, c).written())
		}
	}
	options := block("options")
	for _, prefix := range p.prefixes() {
		b := options
		if prefix != "" {
			b = block("object", strings.TrimSuffix(prefix, "."))
		}
		for _, o := range p.options {
			name, below := strings.CutPrefix(o.Name, prefix)
			if !below || strings.Contains(name, ".") || o.Type == "object" {
				continue
			}
			for _, v := range slices.Backward(c.Versions) {
				if known, ok := v.Option(o.Name); ok {
					o.Overrides, o.File = known.Overrides, known.File
					break
				}
			}
			b.SetAttributeValue(name, o.written())
		}
	}
	return hclwrite.Format(file.Bytes())
}

// prefixes begin the names of options that others hold, "" those at the top.
func (p *Probe) prefixes() []string {
	out := []string{""}
	for _, o := range p.options {
		prefix := o.Name + "."
		if slices.ContainsFunc(p.options, func(in *Fact) bool { return strings.HasPrefix(in.Name, prefix) }) {
			out = append(out, prefix)
		}
	}
	return out
}

// known is a flag with what the catalogue knows of one of its name.
func known(f *Fact, c *Catalog) *Fact {
	have, ok := find(c.flags, f.Name)
	if !ok {
		return f
	}
	k := *have
	k.Off, k.Source, k.Since, k.Until = f.Off, "", "", ""
	if k.Ours == "" {
		k.Values = f.Values
	}
	return &k
}
