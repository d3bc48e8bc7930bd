package results

import "github.com/llmbench/llmbench/plan/trtllm"

// Metrics are the numbers of one sample; nil is "not measured".
type Metrics = trtllm.PerMetric[*float64]

// Percentiles describe how a quantity was spread over the requests of one
// sample, in the unit of the quantity.
type Percentiles = trtllm.Percentiles

// Spreads holds the percentiles of one sample by the metric that they are of, nil
// where not measured.
type Spreads = trtllm.Spreads
