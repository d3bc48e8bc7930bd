package main

import (
	"bytes"
	"fmt"
	"regexp"
	"strconv"
	"time"
)

// tickRow runs the package's own benchmark of what apply does each time it looks.
func tickRow() *row {
	return &row{
		name: "Tick", work: "a tick of apply: 8 jobs in flight, 10,000 runs that have ended", unit: "ended runs",
		sizes: []int{100, 1000, 10_000}, counts: 10_000, growing: true,
		prepare: func(l *lab, _ int) error {
			_, err := l.process(nil, "go", "test", "-c", "-o", l.path("executors.test"), "./executors")
			return err
		},
		do:      tick,
		targets: []target{{says: "no growth with runs that have ended (0.05)", of: (*figures).exponent, most: 0.05, unit: "as exponent"}},
	}
}

var nsPerOp = regexp.MustCompile(`([0-9.]+) ns/op`)

func tick(l *lab, size int) (sample, error) {
	var out bytes.Buffer
	s, err := l.process(&out, l.path("executors.test"), "-test.run=^$", fmt.Sprintf("-test.bench=^BenchmarkTick$/^ended=%d$", size), "-test.benchtime=1000x")
	if err != nil {
		return s, err
	}
	found := nsPerOp.FindSubmatch(out.Bytes())
	if found == nil {
		return s, fmt.Errorf("the benchmark printed no time:\n%s", out.String())
	}
	ns, err := strconv.ParseFloat(string(found[1]), 64)
	return sample{Wall: time.Duration(ns), RSS: s.RSS}, err
}
