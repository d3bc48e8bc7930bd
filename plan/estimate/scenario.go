package estimate

// A Request is tokens in and tokens out.
type Request struct{ ISL, OSL int }

// A Scenario is all that a prediction depends on.
type Scenario struct {
	Model          Model
	GPU            GPU
	GPUs           int
	TP, PP, EP     int
	AttentionDP    bool
	MaxBatchSize   int // a rank under attention DP
	MaxNumTokens   int // likewise
	MaxSeqLen      int
	KVFraction     float64
	Concurrency    int // 0 or less: no limit
	ChunkedContext bool
	// Balance holds prompts back until all ranks under attention DP have some; nil
	// does not.
	Balance *Balance
	// GraphSizes are the batch sizes with a CUDA graph, ascending; GraphPadding
	// rounds a batch up to the next.
	GraphSizes   []int
	GraphPadding bool
	// AllToAll says that experts are reached by all-to-all (WIDEEP) rather than
	// by gathering all tokens.
	AllToAll bool
	// Version is that of TensorRT-LLM, major and minor, "" for the newest. Early
	// says that it is older than 1.2.
	Version string
	Early   bool
	// NotModelled is what the run sets that predictions do not account for (see
	// the function); nil where other runs set it and this one does not.
	NotModelled map[string]any
	// Parameters replace the shipped ones unless nil.
	Parameters *Parameters
	// Requests are in the order in which they are sent.
	Requests []Request
}

// Ranks is the number of schedulers that share the requests.
func (s *Scenario) Ranks() int {
	if s.AttentionDP {
		return max(1, s.TP)
	}
	return 1
}

// split is over how many GPUs attention and dense layers are cut.
func (s *Scenario) split() float64 {
	if s.AttentionDP {
		return 1
	}
	return float64(max(1, s.TP))
}

func (s *Scenario) pp() float64 { return float64(max(1, s.PP)) }

func (s *Scenario) parameters() Parameters {
	if s.Parameters != nil {
		return *s.Parameters
	}
	return shipped()
}
