package results

import "github.com/llmbench/llmbench/plan/trtllm"

// reported is what a report says of the run that it is of.
type reported struct {
	simulated                  bool
	tp, pp, world              int
	ep                         *int
	maxBatchSize, maxNumTokens int
	kvFraction                 *float64
	policy                     string
	requests                   int
	meanISL, meanOSL           float64
	datasetISL, datasetOSL     float64
	streaming                  bool
	outputThroughput           float64
}

func newReported(r *trtllm.Report) reported { return reported{} }

func (r *Result) measure(report *trtllm.Report) {}
