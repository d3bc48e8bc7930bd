package trtllm

import (
	"bytes"
	"errors"
	"io"
	"math"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestReadReport(t *testing.T) {
	for _, path := range files(t, "reports", ".json") {
		name := filepath.Base(path)
		t.Run(name, func(t *testing.T) {
			b := content(t, path)
			r, err := ReadReport(bytes.NewReader(b))
			if strings.HasPrefix(name, "bad-") {
				if err == nil {
					t.Fatal("it was read")
				}
				golden(t, path, err.Error()+"\n")
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			var out bytes.Buffer
			if err := r.WriteJSON(&out); err != nil {
				t.Fatal(err)
			}
			golden(t, path, out.String())
			again, err := ReadReport(&out)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(r, again); diff != "" {
				t.Errorf("written and read again:\n%s", diff)
			}
		})
	}
}

func TestReadReportIncomplete(t *testing.T) {
	whole := content(t, filepath.Join(testdataDir, "reports", "1.2-streaming.json"))
	for n := range len(whole) - 1 {
		if _, err := ReadReport(bytes.NewReader(whole[:n])); !errors.Is(err, errIncomplete) {
			t.Fatalf("%d of %d bytes: %v", n, len(whole), err)
		}
	}
	for name, b := range map[string]string{
		"twice":           string(whole) + string(whole),
		"a comma":         string(whole) + ",",
		"no object":       "[1, 2]",
		"null":            "null",
		"a null":          strings.Replace(string(whole), `"avg_ttft_ms": 511.25`, `"avg_ttft_ms": null`, 1),
		"a word":          strings.Replace(string(whole), `"avg_ttft_ms": 511.25`, `"avg_ttft_ms": "fast"`, 1),
		"a NaN":           strings.Replace(string(whole), `"avg_ttft_ms": 511.25`, `"avg_ttft_ms": NaN`, 1),
		"a key twice":     strings.Replace(string(whole), `"avg_ttft_ms": 511.25`, `"avg_ttft_ms": 511.25, "avg_ttft_ms": null`, 1),
		"a section again": strings.TrimSuffix(strings.TrimSpace(string(whole)), "}") + `, "Performance": {"avg_request_latency_ms": null}}`,
		"no section":      strings.Replace(string(whole), `"request_info"`, `"requests"`, 1),
		"a list":          strings.Replace(string(whole), `"performance": {`, `"performance": [], "p": {`, 1),
	} {
		if r, err := ReadReport(strings.NewReader(b)); err == nil {
			t.Errorf("%s: read as %+v", name, r)
		}
	}
}

func TestReadReportPassesErrorsOn(t *testing.T) {
	broken := errors.New("broken disk")
	_, err := ReadReport(oneByte([]byte("{"), broken))
	if !errors.Is(err, broken) || errors.Is(err, errIncomplete) {
		t.Errorf("%v", err)
	}
	if _, err := ReadReport(io.LimitReader(zeros{}, maxReport+10)); err == nil || errors.Is(err, errIncomplete) {
		t.Errorf("without an end: %v", err)
	}
}

type zeros struct{}

func (zeros) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = ' '
	}
	return len(b), nil
}

func TestMetrics(t *testing.T) {
	read := func(name string) *Report {
		r, err := ReadReport(bytes.NewReader(content(t, filepath.Join(testdataDir, "reports", name))))
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	values := func(r *Report) []float64 {
		var out []float64
		for _, m := range Metrics {
			v := math.Inf(-1)
			if p := r.Metrics.At(m.Name); p != nil {
				v = *p
			}
			out = append(out, v)
		}
		return out
	}
	none := math.Inf(-1)
	want := []float64{50.125, 6416, 25664, 5107.231935, 4400.060129, 29.1125, 3208, none, none, none}
	if diff := cmp.Diff(want, values(read("1.0.json"))); diff != "" {
		t.Errorf("without streaming:\n%s", diff)
	}
	copy(want[7:], []float64{511.25, 30.6205, 32.7519})
	r := read("1.2-streaming.json")
	if diff := cmp.Diff(want, values(r)); diff != "" {
		t.Errorf("with streaming:\n%s", diff)
	}
	// The keys of 1.3 as a public reader of reports of 1.3.0rc12 has them.
	if diff := cmp.Diff(&Energy{new(7345.5), new(4.4612), new(719.125)}, read("1.3-energy.json").Energy); diff != "" || r.Energy != nil {
		t.Errorf("energy:\n%s", diff)
	}
	var names []string
	for _, m := range Metrics {
		names = append(names, m.Name)
	}
	for _, m := range distributions() {
		names = append(names, m.Spread.Name)
		if r.Percentiles.At(m.Name) == nil {
			t.Errorf("%s is nil", m.Spread.Name)
		}
	}
	wantNames := strings.Fields(`request_throughput_req_s system_output_throughput_tok_s system_total_throughput_tok_s total_latency_ms
		avg_request_latency_ms output_throughput_per_user_tok_s output_throughput_per_gpu_tok_s avg_ttft_ms avg_tpot_ms token_output_speed_tok_s
		tpot_percentiles ttft_percentiles gen_tps_percentiles request_latency_percentiles_ms`)
	if diff := cmp.Diff(wantNames, names); diff != "" {
		t.Error(diff)
	}
	for _, m := range distributions()[:3] {
		if read("1.0.json").Percentiles.At(m.Name) != nil {
			t.Errorf("%s without streaming", m.Spread.Name)
		}
	}
}

func FuzzReadReport(f *testing.F) {
	for _, path := range files(f, "reports", ".json") {
		f.Add(content(f, path))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := ReadReport(bytes.NewReader(b))
		if err != nil {
			return
		}
		if name, ok := r.hollow(); ok {
			t.Fatalf("read without %s", name)
		}
		var out bytes.Buffer
		if err := r.WriteJSON(&out); err != nil {
			t.Fatal(err)
		}
		again, err := ReadReport(&out)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(r, again); diff != "" {
			t.Fatalf("written and read again:\n%s", diff)
		}
	})
}

// The reports of testdata are possible, and each of these changes makes one that is not.
func TestImpossible(t *testing.T) {
	good := content(t, filepath.Join(testdataDir, "reports", "1.2-streaming.json"))
	r, err := ReadReport(bytes.NewReader(good))
	if err != nil || r.Impossible() != "" {
		t.Fatalf("%v: %s", err, r.Impossible())
	}
	minus, huge, much := -5, 1e308, 1.5
	for want, change := range map[string]func(*Report){
		"tp_size":             func(r *Report) { r.World.TP = -5 },
		"pp_size":             func(r *Report) { r.World.PP = 0 },
		"ep_size":             func(r *Report) { r.World.EP = &minus },
		"num_requests":        func(r *Report) { r.Request.NumRequests = -1 },
		"avg_input_length":    func(r *Report) { r.Request.AvgInputLength = -1 },
		"kv_cache_percentage": func(r *Report) { r.World.KVCachePercentage = &much },
		"total_latency_ms":    func(r *Report) { r.Metrics.Set("total_latency_ms", &huge) },
		"avg_ttft_ms p50":     func(r *Report) { r.Percentiles.At("avg_ttft_ms").P50 = -1 },
	} {
		r, err := ReadReport(bytes.NewReader(good))
		if err != nil {
			t.Fatal(err)
		}
		change(r)
		if got := r.Impossible(); !strings.HasPrefix(got, want+" = ") {
			t.Errorf("%s: %q", want, got)
		}
	}
}
