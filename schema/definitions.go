package schema

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"github.com/llmbench/llmbench/schema/catalog"
)

// Definitions are the checked definitions of one directory. Lists are in
// source order: files by name, then position.
type Definitions struct {
	// Dir is the directory as it was given to Load.
	Dir string
	// Files holds the sources by name, for the snippets of diagnostics. Files
	// of variable values are left out when any variable is sensitive.
	Files map[string]*hcl.File
	// Catalog is that of the options with what *.catalog.hcl beside the definitions
	// add to it.
	Catalog *catalog.Catalog
	// Inputs are the files that were read: *.hcl, *.catalog.hcl, then files of variable
	// values.
	Inputs     []Input
	Settings   Settings
	Policy     *Policy // nil without a policy block
	Variables  []*Variable
	Models     []*Model
	Hardware   []*Hardware
	Images     []*Image
	UseCases   []*UseCase
	Executors  []*Executor
	Benchmarks []*Benchmark
	// Cells are the runs-to-be. With errors they may be incomplete.
	Cells []*Cell
	// Excluded counts the cells that exclude blocks removed.
	Excluded int

	names    *names
	opts     Options
	simulate *Executor // nil until it is chosen without being declared
}

// Input is a file that was read, with the hexadecimal SHA-256 of its content.
// That is "" for a file that gives a sensitive variable its value.
type Input struct{ Path, SHA256 string }

// Settings is the llmbench block; fields that are not given are "".
type Settings struct {
	RequiredVersion string
	Store           string
	Group           string
	// Executor is TYPE or TYPE.NAME of what runs where a benchmark does not say it.
	Executor string
	Range    hcl.Range

	executorRange    hcl.Range
	executorProblems hcl.Diagnostics // variables that Executor lacks
}

// Policy is the policy block; limits that are not given are nil.
type Policy struct {
	MaxGPUHours     *float64
	MaxRunGPUHours  *float64
	GPUHourPrice    *float64
	Currency        string
	RequireHeadroom *float64
	// ForbidDeclaredCells is allow_declared_cells = false.
	ForbidDeclaredCells bool
	Range               hcl.Range
	// Ranges are the places of the arguments by name.
	Ranges map[string]hcl.Range
}

// Benchmark is a benchmark block. Its runs are among the cells.
type Benchmark struct {
	Label    string
	Range    hcl.Range
	Searches []*Search
}

// A Cell is one resolved run-to-be. Nobody changes what its pointers hold: cells share it.
type Cell struct {
	// Address is unique: max_throughput/use_case=chat/concurrency=64.
	Address   string
	Benchmark string
	Model     *Model
	Hardware  *Hardware
	Image     *Image
	UseCase   *UseCase
	// Executor is TYPE.NAME as chosen with `executor =`, "" if it is left open.
	// "simulate" may stand alone.
	Executor string
	Args     *Args
	Options  *LLMAPIOptions
	Env      *Environment
	// Samples is at least 1, MaxSamples at least Samples.
	Samples, MaxSamples int
	// Precision is the relative width that ends sampling, 0.02 for "2%"; 0 for none.
	Precision float64
	// Engine is FreshEngine or SharedEngine.
	Engine string
	// RequestLog is nil where it is not given.
	RequestLog *bool
	// SLO is nil for none.
	SLO *SLO
	// TimeLimit is 0 if none is given.
	TimeLimit time.Duration
	// Range is the header of the row.
	Range   hcl.Range
	Version *catalog.Version

	origins origins // of the blocks and the single arguments
}

// Args are the flags of the image's version in some cells of a row.
type Args struct {
	names   []string // of flags of any version
	values  []cty.Value
	origins []*Origin
}

// Get is the value of a flag: null for one that is not passed, cty.NilVal for one that
// the version does not have.
func (a *Args) Get(name string) cty.Value {
	if i := slices.Index(a.names, name); i >= 0 {
		return a.values[i]
	}
	return cty.NilVal
}

// LLMAPIOptions is the merged llm_api_options in some cells of a row.
type LLMAPIOptions struct {
	Value   cty.Value // an object, as declared
	origins origins
}

// Environment is the merged env in some cells of a row.
type Environment struct {
	Vars    []EnvVar // sorted by name
	origins origins
}

// Origin is where a value of the cell was declared: by argument name, a leaf of
// llm_api_options as "llm_api_options.a.b", a variable as "env.NAME". It is nil where
// nothing says it.
func (c *Cell) Origin(name string) *Origin {
	if i := slices.Index(c.Args.names, name); i >= 0 {
		return c.Args.origins[i]
	}
	return cmp.Or(c.origins[name], c.Options.origins[name], c.Env.origins[name])
}

// Origins are all origins by the name of the argument.
func (c *Cell) Origins() map[string]*Origin {
	out := maps.Clone(c.origins)
	for i, name := range c.Args.names {
		out.add(name, c.Args.origins[i])
	}
	for _, more := range []origins{c.Options.origins, c.Env.origins} {
		maps.Copy(out, more)
	}
	return out
}

type origins map[string]*Origin

// add adds an origin unless it is nil.
func (o origins) add(name string, origin *Origin) {
	if origin != nil {
		o[name] = origin
	}
}

// EnvVar is one variable of a run's environment.
type EnvVar struct {
	Name, Value string
	Sensitive   bool
}

// Origin is where a value comes from. Range is empty where no file says it.
type Origin struct {
	From  string // one of the From constants
	Range hcl.Range
}

// The values of Origin.From.
const (
	fromRow       = "row"
	fromBenchmark = "benchmark"
	fromImage     = "image"
	FromVersion   = "version"
	FromMatrix    = "matrix"
	FromLLMBench  = "llmbench"
)
