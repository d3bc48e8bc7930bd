package trtllm

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Every name of a metric is given once, so that no output holds two under one.
func TestMetricsAreNamedOnce(t *testing.T) {
	seen := map[string]bool{}
	for _, m := range Metrics {
		for _, name := range append([]string{"key " + m.Name, "unit " + m.GoUnit, "title " + m.Title}, m.Labels...) {
			if seen[name] {
				t.Errorf("%s is used twice", name)
			}
			seen[name] = true
		}
		if m.Name == "" || m.GoUnit == "" || m.Unit == "" || m.Title == "" || len(m.Labels) == 0 || m.Column != "" && m.Rank == 0 {
			t.Errorf("%s is declared in part: %+v", m.Name, m)
		}
		if s := m.Spread; s.Name != "" && (s.Tag == "" || s.CSV == "" || s.Unit == "" || s.Title == "" || s.Rank == 0) {
			t.Errorf("the percentiles of %s are declared in part: %+v", m.Name, s)
		}
	}
}

func TestPerMetric(t *testing.T) {
	p := Measured(map[string]float64{AvgTTFT: 12.5, OutputSpeed: 3})
	if p.At("nonsense") != nil || p.At(AvgTPOT) != nil || *p.At(AvgTTFT) != 12.5 {
		t.Errorf("%v", p)
	}
	b, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	var keys map[string]*float64
	if err := json.Unmarshal(b, &keys); err != nil || len(keys) != len(Metrics) {
		t.Errorf("%s: %v", b, err)
	}
	var again PerMetric[*float64]
	if err := json.Unmarshal(b, &again); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(p, again); diff != "" {
		t.Error(diff)
	}
}
