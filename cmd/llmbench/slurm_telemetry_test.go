package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// standInSMI is an nvidia-smi that finds four GPUs on every node. A job throttles
// them with STANDIN_THROTTLE in its environment.
const standInSMI = `#!/bin/bash
case "$*" in
*--query-gpu=name*) echo "NVIDIA GB200, 570.86.15, 2062, 1200.00, 3996" ;;
*-l*)
  reasons=0x0000000000000004
  [ -n "${STANDIN_THROTTLE:-}" ] && reasons=0x0000000000000040
  while :; do
    for gpu in 0 1 2 3; do echo "$(date '+%Y/%m/%d %H:%M:%S.%3N'), $gpu, 1900, 3996, 900.00, 61, $reasons, 150000"; done
    sleep 0.2
  done ;;
*) echo "| NVIDIA-SMI 570.86.15    Driver Version: 570.86.15    CUDA Version: 12.8 |" ;;
esac
`

// sampledFirst is a prolog that waits for the first sample, so that a short
// rehearsal has telemetry on a slow machine too.
const sampledFirst = `prolog = ["until cat telemetry.*.csv 2>/dev/null | grep -q , ; do sleep 0.1; done"]`

// A campaign with telemetry, in which one run is throttled: it counts, is
// suspect, and is marked with the reason in every output.
func TestOnSlurmThrottled(t *testing.T) {
	c := newCampaign(t, false)
	if err := os.WriteFile(filepath.Join(c.bin, "nvidia-smi"), []byte(standInSMI), 0o755); err != nil {
		t.Fatal(err)
	}
	weights := t.TempDir()
	for name, text := range map[string]string{"config.json": "{}", "model.safetensors.index.json": "{}", "a.safetensors": "123", "b.safetensors": "12345"} {
		if err := os.WriteFile(filepath.Join(weights, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	defs := strings.NewReplacer(
		`"/weights"`, strconv.Quote(weights),
		"canary        = false", "canary        = false\n  "+sampledFirst,
		"  use_case \"chat\" {}\n", "  use_case \"chat\" {\n    env = { STANDIN_THROTTLE = \"1\" }\n  }\n",
		"  use_case \"summarization\" {}\n  use_case \"generation\" {}\n", "",
	).Replace(rehearsal)
	if err := os.WriteFile(filepath.Join(c.dir, "main.hcl"), []byte(defs), 0o644); err != nil {
		t.Fatal(err)
	}
	if out, code := c.llmbench("apply", "-auto-approve", c.dir); code != 0 || !strings.Contains(out, "throttled") {
		t.Fatalf("apply: exit %d", code)
	}
	doc, _ := c.llmbench("results", "-format=json", c.dir)
	c.checkTelemetry(doc)

	page, base := filepath.Join(c.dir, "report.html"), filepath.Join(c.dir, "base.json")
	if err := os.WriteFile(base, []byte(doc), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, code := c.llmbench("report", "-out="+page, c.dir); code != 0 {
		t.Fatalf("report: exit %d", code)
	}
	html, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	outputs := map[string]string{"report": string(html), "json": doc}
	for _, format := range []string{"table", "markdown", "csv", "benchfmt", "overview"} {
		outputs[format], _ = c.llmbench("results", "-format="+format, c.dir)
	}
	for _, format := range []string{"table", "markdown", "csv", "json"} {
		outputs["compare "+format], _ = c.llmbench("compare", "-format="+format, base, c.dir)
	}
	if out, _ := c.llmbench("plan", "-json", c.dir); strings.Contains(out, "weights moved") {
		t.Error("plan sees weights that moved, and they did not")
	}
	if err := os.WriteFile(filepath.Join(weights, "b.safetensors"), []byte("1234"), 0o644); err != nil {
		t.Fatal(err)
	}
	if out, _ := c.llmbench("plan", "-json", c.dir); !strings.Contains(out, `all samples are stored; weights moved`) || !strings.Contains(out, "Weights moved") {
		t.Error("plan does not see that the weights moved")
	}
	outputs["story"], _ = c.llmbench("results", "use_case=chat", c.dir)
	for name, out := range outputs {
		if !strings.Contains(out, "suspect") || !strings.Contains(out, "throttled") {
			t.Errorf("%s does not mark the run that was throttled:\n%.3000s", name, out)
		}
	}
}

// checkTelemetry looks at both runs' telemetry and provenance in the results
// document.
func (c *campaign) checkTelemetry(doc string) {
	c.t.Helper()
	var set struct {
		Results []struct {
			Address, Verdict string
			Reasons          []struct{ Code, Detail string }
			Telemetry        *struct {
				Samples        int
				PowerW         float64  `json:"power_w"`
				SMClockMHz     float64  `json:"sm_clock_mhz"`
				EnergyJ        float64  `json:"energy_j"`
				TokensPerJoule *float64 `json:"tokens_per_joule"`
				Throttled      float64
			}
			Job        struct{ Submitted, Started, Ended *string }
			Provenance struct {
				Driver, CUDA, Clocks, Kernel *string
				SlurmVersion                 *string `json:"slurm_version"`
				GPUName                      *string `json:"gpu_name"`
				ScriptSHA256                 *string `json:"script_sha256"`
				Argv                         []string
				Missing                      map[string]string
			}
		}
	}
	if err := json.Unmarshal([]byte(doc), &set); err != nil {
		c.t.Fatal(err)
	}
	if len(set.Results) != 2 {
		c.t.Fatalf("%d results", len(set.Results))
	}
	for _, r := range set.Results {
		want, share := "valid", 0.0
		if strings.HasSuffix(r.Address, "use_case=chat") {
			want, share = "suspect", 1
		}
		t, p := r.Telemetry, r.Provenance
		if r.Verdict != want || t == nil || t.Throttled != share || t.PowerW != 900 || t.SMClockMHz != 1900 || t.EnergyJ <= 0 || t.TokensPerJoule == nil || t.Samples < 4 {
			c.t.Errorf("%s: %s, telemetry %+v", r.Address, r.Verdict, t)
			continue
		}
		if want == "suspect" && (len(r.Reasons) != 1 || r.Reasons[0].Code != "throttled" || !strings.Contains(r.Reasons[0].Detail, "hardware thermal slowdown")) {
			c.t.Errorf("%s: %+v", r.Address, r.Reasons)
		}
		if p.Driver == nil || *p.Driver != "570.86.15" || p.CUDA == nil || *p.CUDA != "12.8" || p.Clocks == nil || p.Kernel == nil || p.SlurmVersion == nil || p.ScriptSHA256 == nil ||
			p.GPUName == nil || len(p.Argv) == 0 || r.Job.Submitted == nil || r.Job.Started == nil || r.Job.Ended == nil {
			c.t.Errorf("%s: provenance %+v, job %+v", r.Address, p, r.Job)
		}
		for _, name := range []string{"image_sha256", "nccl"} {
			if p.Missing[name] == "" || strings.Contains(p.Missing[name], "no word") {
				c.t.Errorf("%s: nothing says why %s is missing: %v", r.Address, name, p.Missing)
			}
		}
	}
}
