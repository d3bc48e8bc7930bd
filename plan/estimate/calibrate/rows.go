package main

import (
	"encoding/csv"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/llmbench/llmbench/plan"
	"github.com/llmbench/llmbench/plan/estimate"
	"github.com/llmbench/llmbench/schema/catalog"
)

// A row is one published measurement with how it is simulated.
type row struct {
	plan.Case
	edition  string
	measured float64 // output tokens a second and GPU
	group    string  // relatives: a model on a GPU in one edition
	kind     string  // which kernels run
	batch    float64 // of a rank, at most
	weight   float64
	trace    *estimate.Trace
}

func (r row) String() string {
	return fmt.Sprintf("%s %s, %dx %s, %d/%d", r.Model, r.Quantization, r.GPUs, r.GPU, r.ISL, r.OSL)
}

func (r row) maverick() bool { return strings.HasPrefix(r.Model, "Llama-4") }

// readRows reads the table of published measurements and simulates each.
func readRows(in io.Reader) ([]row, error) {
	lines, err := csv.NewReader(in).ReadAll()
	if err != nil {
		return nil, err
	}
	var rows []row
	for i, line := range lines[1:] {
		cell := map[string]string{}
		for j, name := range lines[0] {
			cell[name] = line[j]
		}
		r, err := newRow(cell)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", i+2, err)
		}
		rows = append(rows, r)
	}
	return rows, nil
}

func newRow(cell map[string]string) (row, error) {
	c, err := plan.NewCase(cell)
	if err != nil {
		return row{}, err
	}
	measured, err := strconv.ParseFloat(cell["output_throughput_per_gpu_tok_s"], 64)
	if err != nil {
		return row{}, err
	}
	s, err := c.Scenario(catalog.Load())
	if err != nil {
		return row{}, err
	}
	trace, err := estimate.Record(s)
	if err != nil {
		return row{}, err
	}
	r := row{Case: c, edition: cell["edition"], measured: measured, kind: s.Kind(), batch: s.Batch(), weight: 1, trace: trace}
	r.group = fmt.Sprintf("%s, %dx %s, %s", c.Model, c.GPUs, c.GPU, r.edition)
	if r.maverick() {
		r.weight = 2
	}
	return r, nil
}
