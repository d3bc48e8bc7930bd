package plan

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"maps"
	"math"
	"slices"

	"github.com/zclconf/go-cty/cty"

	"github.com/llmbench/llmbench/plan/trtllm"
	"github.com/llmbench/llmbench/schema"
)

// parts are what runs of one plan have in common, each made once: a matrix of
// 100,000 cells has few images, options and data sets. Runs must not change
// what they share.
type parts struct {
	blocks    map[blocksKey]*blocksPart
	families  map[any]*argumentsFamily // by Common.Args
	arguments map[argumentsKey]*argumentsPart
	options   map[optionsKey]*optionsPart
	envs      map[any]map[string]*string // by Common.Env
	data      map[dataKey]*requests
	heads     map[headKey]*identityHead
}

func newParts() *parts {
	return &parts{
		blocks: map[blocksKey]*blocksPart{}, families: map[any]*argumentsFamily{}, arguments: map[argumentsKey]*argumentsPart{},
		options: map[optionsKey]*optionsPart{}, envs: map[any]map[string]*string{}, data: map[dataKey]*requests{},
		heads: map[headKey]*identityHead{},
	}
}

// once returns what is kept under a key, and makes it the first time.
func once[K comparable, V any](kept map[K]V, key K, make func() V) V {
	v, ok := kept[key]
	if !ok {
		v = make()
		kept[key] = v
	}
	return v
}

// A blocksPart is what the blocks of a cell say.
type blocksPart struct {
	model    Model
	hardware Hardware
	image    Image
	useCase  UseCase
}

type blocksKey struct {
	model    *schema.Model
	hardware *schema.Hardware
	image    *schema.Image
	useCase  *schema.UseCase
}

func blocksOf(cell *schema.Cell) blocksKey {
	return blocksKey{cell.Model, cell.Hardware, cell.Image, cell.UseCase}
}

func (p *parts) blocksOf(cell *schema.Cell) *blocksPart {
	return once(p.blocks, blocksOf(cell), func() *blocksPart {
		m, h, i := cell.Model, cell.Hardware, cell.Image
		return &blocksPart{
			model: Model{
				Label: m.Label, Checkpoint: m.Checkpoint, Revision: optional(m.Revision),
				Path: optional(m.Path), Quantization: m.Quantization,
			},
			hardware: Hardware{Label: h.Label, GPU: h.GPU, GPUs: h.GPUs, GPUsPerNode: h.GPUsPerNode, Nodes: h.GPUs / h.GPUsPerNode},
			image:    Image{Label: i.Label, Name: i.Name, Digest: optional(i.Digest), TRTLLMVersion: i.TRTLLMVersion},
			useCase:  newUseCase(cell.UseCase),
		}
	})
}

// envOf is the environment of a cell; secrets are nil.
func (p *parts) envOf(cell *schema.Cell) map[string]*string {
	return once(p.envs, cell.Common().Env, func() map[string]*string {
		env := map[string]*string{}
		for _, e := range cell.Env {
			if e.Sensitive {
				env[e.Name] = nil
			} else {
				env[e.Name] = ptr(e.Value)
			}
		}
		return env
	})
}

// An argumentsFamily is the arguments of cells that differ in the same ones.
type argumentsFamily struct {
	fixed trtllm.Arguments
	names []string // all, sorted
	texts [][]byte // of those that are fixed, as JSON; nil for the others
}

// An argumentsPart is the arguments of cells that have them all in common, with
// those that are passed as JSON.
type argumentsPart struct {
	all    trtllm.Arguments
	passed []byte
}

type argumentsKey struct {
	common   any
	own      string
	longest  int
	fraction float64 // of the options, -1 for none
}

// argumentsOf converts the flags of a cell.
func (p *parts) argumentsOf(cell *schema.Cell, data *requests) *argumentsPart {
	common := cell.Common().Args
	return once(p.arguments, argumentsKey{common, ownKey(cell), data.longest, optionFraction(cell)}, func() *argumentsPart {
		f := once(p.families, common, func() *argumentsFamily { return newArgumentsFamily(cell) })
		all := maps.Clone(f.fixed)
		for name, v := range cell.Args.Own() {
			all[name] = argument(v)
		}
		complete(all, cell, data)
		return &argumentsPart{all, f.passed(all)}
	})
}

func newArgumentsFamily(cell *schema.Cell) *argumentsFamily {
	f := &argumentsFamily{fixed: trtllm.Arguments{"backend": "pytorch"}}
	for name, v := range cell.Args.All() {
		f.fixed[name] = argument(v)
	}
	varies := map[string]bool{"max_seq_len": true, fractionFlag: true}
	for name := range cell.Args.Own() {
		varies[name] = true
	}
	for _, flag := range cell.Version.Flags {
		if flag.Off != "" {
			varies[flag.Off] = true
		}
	}
	names := maps.Clone(varies)
	for name := range f.fixed {
		names[name] = true
	}
	f.names = slices.Sorted(maps.Keys(names))
	f.texts = make([][]byte, len(f.names))
	for i, name := range f.names {
		if v := f.fixed[name]; !varies[name] && v != nil {
			f.texts[i] = mustJSON(v)
		} else if !varies[name] {
			f.texts[i] = []byte{}
		}
	}
	return f
}

// complete adds what follows from other arguments.
func complete(args trtllm.Arguments, cell *schema.Cell, data *requests) {
	for _, f := range cell.Version.Flags {
		if f.Off != "" && args[f.Name] == false {
			args[f.Off] = true
		}
	}
	if f := optionFraction(cell); f >= 0 {
		args[fractionFlag] = f
	}
	if args["max_seq_len"] == nil && data.longest > 0 {
		args["max_seq_len"] = int64(data.longest)
	}
}

const fractionFlag = "kv_cache_free_gpu_mem_fraction"

// optionFraction is kv_cache_config.free_gpu_memory_fraction as declared, -1 if it is
// not: it stands for the flag, which is passed with the same value.
func optionFraction(cell *schema.Cell) float64 {
	if f, ok := optionOf(cell, "kv_cache_config.free_gpu_memory_fraction"); ok && f.Type() == cty.Number {
		n, _ := f.AsBigFloat().Float64()
		return n
	}
	return -1
}

// passed is the JSON object of the arguments that are passed, as json.Marshal
// writes it.
func (f *argumentsFamily) passed(all trtllm.Arguments) []byte {
	b := make([]byte, 1, 512)
	b[0] = '{'
	for i, name := range f.names {
		text := f.texts[i]
		if text == nil && all[name] != nil {
			text = mustJSON(all[name])
		}
		if len(text) == 0 {
			continue
		}
		if len(b) > 1 {
			b = append(b, ',')
		}
		b = append(append(append(b, '"'), name...), '"', ':')
		b = append(b, text...)
	}
	return append(b, '}')
}

// ownKey is the arguments that a cell does not share, so that equal keys mean
// equal values.
func ownKey(cell *schema.Cell) string {
	b := make([]byte, 0, 64)
	for _, v := range cell.Args.Own() {
		b = appendKey(b, v)
	}
	return string(b)
}

func appendKey(b []byte, v cty.Value) []byte {
	switch x := argument(v).(type) {
	case nil:
		return append(b, 0)
	case bool:
		if x {
			return append(b, 2)
		}
		return append(b, 1)
	case int64:
		return binary.LittleEndian.AppendUint64(append(b, 3), uint64(x))
	case float64:
		return binary.LittleEndian.AppendUint64(append(b, 4), math.Float64bits(x))
	default:
		text := mustJSON(x)
		return append(binary.LittleEndian.AppendUint64(append(b, 5), uint64(len(text))), text...)
	}
}

// An optionsPart is the options file of cells that have it in common.
type optionsPart struct {
	value any // as JSON decodes it
	json  []byte
	yaml  string
	err   error // why it cannot be written
}

type optionsKey struct {
	options  any
	fraction float64 // -1: none
}

func (p *parts) optionsOf(cell *schema.Cell, args trtllm.Arguments) *optionsPart {
	fraction := kvFraction(args)
	key := optionsKey{cell.Common().Options, -1}
	if fraction != nil {
		key.fraction = *fraction
	}
	return once(p.options, key, func() *optionsPart {
		value := plainValue(trtllm.CompleteOptions(cell.Options, fraction))
		yaml, err := trtllm.OptionsYAML(ctyValue(value))
		return &optionsPart{value: value, json: mustJSON(value), yaml: string(yaml), err: err}
	})
}

func mustJSON(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic("plan: value is not JSON: " + err.Error())
	}
	return b
}

// An identityHead is the JSON form of an identity, cut where arguments, options
// and data set go.
type identityHead struct{ cuts [4][]byte }

type headKey struct {
	blocks   blocksKey
	env      any
	executor ExecutorRef
}

// fingerprint is that of the run's identity.
func (p *parts) fingerprint(run *Run, cell *schema.Cell, place Placement, args *argumentsPart, data *requests) string {
	key := blocksOf(cell)
	key.useCase = nil
	head := once(p.heads, headKey{key, cell.Common().Env, place.Ref}, func() *identityHead {
		return newIdentityHead(NewIdentity(run, place.Target.Identity()))
	})
	b := make([]byte, 0, 4096)
	for i, part := range [][]byte{args.passed, run.options.json, data.identity} {
		b = append(append(b, head.cuts[i]...), part...)
	}
	return fingerprintOf(append(b, head.cuts[3]...))
}

func newIdentityHead(id Identity) *identityHead {
	id.Arguments, id.Options, id.Dataset = map[string]any{}, nil, datasetIdentity{}
	rest := mustJSON(id)
	h := &identityHead{}
	for i, hole := range []struct{ name, value string }{
		{`"arguments":`, "{}"}, {`"llm_api_options":`, "null"}, {`"dataset":`, string(mustJSON(datasetIdentity{}))},
	} {
		// No quote stands unescaped in a text, so that this is the key.
		before, after, ok := bytes.Cut(rest, []byte(hole.name+hole.value))
		if !ok {
			panic("plan: identity without " + hole.name)
		}
		h.cuts[i], rest = slices.Concat(before, []byte(hole.name)), after
	}
	h.cuts[3] = rest
	return h
}

// dataKey is what the requests of a cell depend on.
type dataKey struct {
	useCase *schema.UseCase
	rows    int
}
