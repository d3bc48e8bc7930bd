package main

import (
	"bytes"
	"os"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/llmbench/llmbench/executors/results"
)

// measured makes a results document of simulations one of measurements, with a
// noise of half a percent between samples: measured FILE.
func measured(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: measured FILE")
	}
	set, err := results.Read(bytes.NewReader([]byte(ts.ReadFile(args[0]))))
	ts.Check(err)
	noise := []float64{1, 1.004, .997, 1.002, .995, 1.005, .999, 1.001}
	for _, r := range set.Results {
		r.Simulated, r.Job.Started = false, nil // what a simulation took is no cost
		for i, v := range r.Metrics {
			if v != nil {
				noisy := *v * noise[(r.Sample-1)%len(noise)]
				r.Metrics[i] = &noisy
			}
		}
	}
	var b bytes.Buffer
	ts.Check(results.NewSet(set.Results).WriteJSON(&b))
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), b.Bytes(), 0o666))
}
