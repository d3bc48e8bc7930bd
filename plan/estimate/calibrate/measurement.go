package main

import (
	"encoding/csv"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"

	"github.com/llmbench/llmbench/plan"
	"github.com/llmbench/llmbench/plan/estimate"
	"github.com/llmbench/llmbench/schema/catalog"
)

// A measurement is a published one with how it is simulated.
type measurement struct {
	plan.Case
	edition    string
	measured   float64 // output tokens a second and GPU
	ttft, tpot float64 // milliseconds, 0 where they are not published
	scenario   estimate.Scenario
	trace      *estimate.Trace
	weight     float64
}

func (r measurement) String() string {
	s := fmt.Sprintf("%s, %d/%d", r.cell(), r.ISL, r.OSL)
	if r.Concurrency > 0 {
		s += fmt.Sprintf(", concurrency %d", r.Concurrency)
	}
	return s
}

// cell is what measurements are held back by: a model, its type, and the GPUs.
func (r measurement) cell() string {
	return fmt.Sprintf("%s %s, %dx %s", r.Model, r.Quantization, r.GPUs, r.GPU)
}

// limited says that few requests are in flight: the measurements with a time between
// tokens.
func (r measurement) limited() bool { return r.tpot > 0 }

func (r measurement) maverick() bool { return strings.HasPrefix(r.Model, "Llama-4-Maverick") }

// first says that a measurement is one of those that the first calibration knew.
func (r measurement) first() bool {
	return strings.HasPrefix(r.edition, "commit ") || strings.HasPrefix(r.edition, "release ")
}

// drafted says that tokens were drafted, though the measurement does not: measurements of this
// build generate faster than smaller batches of the build before. They are
// scored, and not fitted to.
func (r measurement) drafted() bool { return strings.HasSuffix(r.edition, "rc6.post3") }

// build says that a measurement is of commit 585c756, which its edition calls 1.2, as
// release 1.2.0 is.
func (r measurement) build() bool { return strings.HasPrefix(r.edition, "commit ") }

// release says that a measurement is of release 1.2.0.
func (r measurement) release() bool { return strings.HasPrefix(r.edition, "1.2.0") }

// readMeasurements reads the table of published measurements and simulates each.
func readMeasurements(in io.Reader) ([]measurement, error) {
	lines, err := csv.NewReader(in).ReadAll()
	if err != nil {
		return nil, err
	}
	var data []measurement
	for i, line := range lines[1:] {
		cell := map[string]string{}
		for j, name := range lines[0] {
			cell[name] = line[j]
		}
		r, err := newMeasurement(cell)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", i+2, err)
		}
		data = append(data, r)
	}
	weigh(data)
	return data, nil
}

func newMeasurement(cell map[string]string) (measurement, error) {
	c, err := plan.NewCase(cell)
	if err != nil {
		return measurement{}, err
	}
	r := measurement{Case: c, edition: cell["edition"]}
	for name, to := range map[string]*float64{
		"output_throughput_per_gpu_tok_s": &r.measured, "avg_ttft_ms": &r.ttft, "avg_tpot_ms": &r.tpot,
	} {
		if cell[name] == "" && to != &r.measured {
			continue
		}
		if *to, err = strconv.ParseFloat(cell[name], 64); err != nil {
			return measurement{}, fmt.Errorf("%s: %w", name, err)
		}
	}
	if r.scenario, err = c.Scenario(catalog.Load()); err != nil {
		return measurement{}, err
	}
	r.trace, err = estimate.Record(r.scenario)
	return r, err
}

// weigh gives the measurements of a cell together the weight of the root of their
// number: they err alike. The supported model counts for more.
func weigh(data []measurement) {
	key := func(r measurement) string { return fmt.Sprint(r.Model, r.Quantization, r.GPU, r.limited()) }
	n := map[string]float64{}
	for _, r := range data {
		n[key(r)]++
	}
	for i := range data {
		r := &data[i]
		r.weight = math.Sqrt(5 / n[key(*r)])
		switch {
		case r.drafted():
			r.weight = 0
		case r.maverick():
			r.weight *= 1.5
		}
	}
}
