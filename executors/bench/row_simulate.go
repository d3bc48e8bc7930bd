package main

import (
	"fmt"

	"github.com/llmbench/llmbench/plan"
	"github.com/llmbench/llmbench/plan/estimate"
	"github.com/llmbench/llmbench/schema/catalog"
)

// simulateRow simulates one run.
func simulateRow() *row {
	return &row{
		name: "Simulate", work: "16,384 simulated requests", unit: "requests",
		sizes: []int{4096, 16_384, 65_536}, counts: 16_384, growing: true,
		do:      func(l *lab, size int) (sample, error) { return l.child("simulate", size) },
		targets: []target{seconds(0.050)},
	}
}

func init() {
	// Lengths differ from request to request, so that no two are simulated as one.
	children["simulate"] = func(size int, _ []string) (sample, error) {
		c := plan.Case{
			Model: "nvidia/Llama-4-Maverick-17B-128E-Instruct-FP8", Quantization: "FP8", GPU: "GB200",
			GPUs: 8, TP: 8, PP: 1, EP: 8, AttentionDP: true, ISL: 1000, OSL: 1000,
			NumRequests: size, Concurrency: 1024, MaxBatchSize: 896, MaxNumTokens: 8192, KVFraction: 0.9,
		}
		s, err := c.Scenario(catalog.Load())
		if err != nil {
			return sample{}, err
		}
		for i := range s.Requests {
			s.Requests[i].OSL = 950 + i*37%101
		}
		out, err := estimate.Simulate(s, nil)
		if err == nil && len(out.Requests) != size {
			err = fmt.Errorf("%d requests of %d", len(out.Requests), size)
		}
		return sample{}, err
	}
}
