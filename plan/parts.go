package plan

import (
	"encoding/json"

	"github.com/zclconf/go-cty/cty"

	"github.com/llmbench/llmbench/plan/trtllm"
	"github.com/llmbench/llmbench/schema"
)

// parts are what runs of one plan have in common, each made once: a matrix of
// 10,000 cells has few options and data sets. Runs must not change what they share.
type parts struct {
	arguments map[argumentsKey]*argumentsPart
	options   map[optionsKey]*optionsPart
	envs      map[*schema.Environment]map[string]*string
	data      map[dataKey]*requests
	settings  map[ExecutorRef]ExecutorIdentity
}

func newParts() *parts {
	return &parts{
		arguments: map[argumentsKey]*argumentsPart{}, options: map[optionsKey]*optionsPart{}, envs: map[*schema.Environment]map[string]*string{},
		data: map[dataKey]*requests{}, settings: map[ExecutorRef]ExecutorIdentity{},
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

// envOf is the environment of a cell; secrets are nil.
func (p *parts) envOf(cell *schema.Cell) map[string]*string {
	return once(p.envs, cell.Env, func() map[string]*string {
		env := map[string]*string{}
		for _, e := range cell.Env.Vars {
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
	args     *schema.Args
	longest  int
	fraction float64 // of the options, -1 for none
}

// argumentsOf converts the flags of a cell.
func (p *parts) argumentsOf(cell *schema.Cell, data *requests) *argumentsPart {
	return once(p.arguments, argumentsKey{cell.Args, data.bound(), optionFraction(cell)}, func() *argumentsPart {
		all := trtllm.Arguments{"backend": "pytorch"}
		for _, f := range cell.Version.Flags {
			if v := cell.Args.Get(f.Name); v != cty.NilVal {
				all[f.Name] = argument(v)
			}
		}
		complete(all, cell, data)
		return &argumentsPart{all}
	})
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

// An optionsPart is the options file of cells that have it in common.
type optionsPart struct {
	value any // as JSON decodes it
	yaml  string
	err   error // why it cannot be written
}

type optionsKey struct {
	options  *schema.LLMAPIOptions
	fraction float64 // -1: none
}

func (p *parts) optionsOf(cell *schema.Cell, args trtllm.Arguments) *optionsPart {
	fraction := kvFraction(args)
	key := optionsKey{cell.Options, -1}
	if fraction != nil {
		key.fraction = *fraction
	}
	return once(p.options, key, func() *optionsPart {
		return newOptions(plainValue(trtllm.CompleteOptions(cell.Options.Value, fraction)))
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
	lines   int
}
