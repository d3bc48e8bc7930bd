package plan

import (
	"encoding/binary"
	"encoding/json"
	"maps"
	"math"

	"github.com/zclconf/go-cty/cty"

	"github.com/llmbench/llmbench/plan/trtllm"
	"github.com/llmbench/llmbench/schema"
)

// parts are what runs of one plan have in common, each made once: a matrix of
// 100,000 cells has few images, options and data sets. Runs must not change
// what they share.
type parts struct {
	blocks    map[blocksKey]*blocksPart
	shared    map[any]trtllm.Arguments // by Common.Args
	arguments map[argumentsKey]*argumentsPart
	options   map[optionsKey]*optionsPart
	envs      map[any]map[string]*string // by Common.Env
	data      map[dataKey]*requests
	settings  map[ExecutorRef]ExecutorIdentity
}

func newParts() *parts {
	return &parts{
		blocks: map[blocksKey]*blocksPart{}, shared: map[any]trtllm.Arguments{}, arguments: map[argumentsKey]*argumentsPart{},
		options: map[optionsKey]*optionsPart{}, envs: map[any]map[string]*string{}, data: map[dataKey]*requests{},
		settings: map[ExecutorRef]ExecutorIdentity{},
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

// An argumentsPart is the arguments of cells that have them all in common.
type argumentsPart struct{ all trtllm.Arguments }

type argumentsKey struct {
	common   any
	own      string
	longest  int
	fraction float64 // of the options, -1 for none
}

// argumentsOf converts the flags of a cell.
func (p *parts) argumentsOf(cell *schema.Cell, data *requests) *argumentsPart {
	common := cell.Common().Args
	return once(p.arguments, argumentsKey{common, ownKey(cell), data.bound(), optionFraction(cell)}, func() *argumentsPart {
		all := maps.Clone(once(p.shared, common, func() trtllm.Arguments { return convertArguments(cell) }))
		for name, v := range cell.Args.Own() {
			all[name] = argument(v)
		}
		complete(all, cell, data)
		return &argumentsPart{all}
	})
}

// convertArguments converts all flags of a cell.
func convertArguments(cell *schema.Cell) trtllm.Arguments {
	all := trtllm.Arguments{"backend": "pytorch"}
	for name, v := range cell.Args.All() {
		all[name] = argument(v)
	}
	return all
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
	if args["max_seq_len"] == nil && data.bound() > 0 {
		args["max_seq_len"] = int64(data.bound())
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
		return newOptions(plainValue(trtllm.CompleteOptions(cell.Options, fraction)))
	})
}

func newOptions(value any) *optionsPart {
	yaml, err := trtllm.OptionsYAML(ctyValue(value))
	return &optionsPart{value: value, yaml: string(yaml), err: err}
}

func mustJSON(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic("plan: value is not JSON: " + err.Error())
	}
	return b
}

// dataKey is what the requests of a cell depend on.
type dataKey struct {
	useCase *schema.UseCase
	rows    int
}
