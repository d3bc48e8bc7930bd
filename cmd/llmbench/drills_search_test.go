package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/llmbench/llmbench/executors/jobdir"
	"github.com/llmbench/llmbench/executors/slurm/slurmtest"
)

var searchWorlds = flag.Int("searches", 1, "how many searches TestOnSlurmSearch holds against exhaustive measurements")

// A search on a Slurm whose runs are noisy and not what was predicted finds a run within
// 2 % of the best of an exhaustive measurement, for fewer GPU-hours.
func TestOnSlurmSearch(t *testing.T) {
	c, cluster := newCampaignOn(t, slurmtest.Options{MinJobAge: 86400})
	for world := range *searchWorlds {
		d := newDrill(t, c, cluster)
		found, cost := d.searched(world, "search \"best\" {\n maximize = output_throughput_per_gpu_tok_s\n max_runs = 6\n bound \"avg_tpot_ms\" {\n max = 8\n }\n}\n")
		if len(found) < 4 || len(found) > 6 {
			t.Errorf("the search measured %d of 16 candidates", len(found))
		}
		d.store += "-exhaustive"
		all, costOfAll := d.searched(world, "")
		if len(all) != 16 {
			t.Errorf("%d of 16 candidates were measured", len(all))
		}
		best, bestOfAll := 0.0, 0.0
		for address, tps := range all {
			bestOfAll = max(bestOfAll, tps)
			if _, ok := found[address]; ok {
				best = max(best, tps)
			}
		}
		t.Logf("searched: %d runs, %.3f GPU-hours, best %.1f tok/s/GPU; all: %d runs, %.3f GPU-hours, best %.1f", len(found), cost, best, len(all), costOfAll, bestOfAll)
		if best < 0.98*bestOfAll || bestOfAll == 0 {
			t.Errorf("world %d: the best found has %.1f tok/s/GPU, the best of all %.1f", world, best, bestOfAll)
		}
		if cost >= costOfAll {
			t.Errorf("world %d: the search took %.3f GPU-hours, all runs %.3f", world, cost, costOfAll)
		}
	}
}

// searched measures candidates, those that a search chooses or all. It returns the
// throughputs of those within the bound, 0 for the others, and what their jobs took.
func (d *drill) searched(world int, search string) (tps map[string]float64, gpuHours float64) {
	d.t.Helper()
	text := rehearsal
	for _, change := range [][2]string{
		{`LLMBENCH_SIMULATED_SPEED = "20"`, `LLMBENCH_SIMULATED_SPEED = "500", LLMBENCH_SIMULATED_NOISE = "0.015", LLMBENCH_SIMULATED_ERROR = "0.1"`},
		{"canary        = false", "canary = false\n  pack {\n max_runs = 24\n max_time = \"4h\"\n }"},
		{"max_num_tokens = 8192\n", "llm_api_options = { moe_config = { backend = each.moe } }\n"},
		{"num_requests   = 64", "num_requests = 4 * each.concurrency"},
		{"isl = 128\n", fmt.Sprintf("isl = %d\n", 128+8*world)},
		{"  use_case \"reasoning\" {}\n", ""}, {"  use_case \"summarization\" {}\n", ""},
		{"  use_case \"generation\" {}\n", "matrix {\n concurrency = [16, 32, 64, 128]\n max_num_tokens = [2048, 8192]\n axis \"moe\" {\n values = [\"WIDEEP\", \"CUTLASS\"]\n }\n}\n" + search},
	} {
		if !strings.Contains(text, change[0]) {
			d.t.Fatalf("the rehearsal has no %s", change[0])
		}
		text = strings.Replace(text, change[0], change[1], 1)
	}
	d.definitions(text)
	if _, code := d.start("-skip-checks").wait(); code != 0 {
		d.t.Fatalf("apply: exit %d", code)
	}
	out, _ := d.llmbench("results", "-store="+d.store, "-format=json", d.dir)
	var doc struct {
		Results []struct {
			Address string
			Metrics map[string]*float64
		}
	}
	d.ok(json.Unmarshal([]byte(out), &doc))
	tps = map[string]float64{}
	for _, r := range doc.Results {
		if tps[r.Address] += 0; *r.Metrics["avg_tpot_ms"] <= 8 {
			tps[r.Address] = max(tps[r.Address], *r.Metrics["output_throughput_per_gpu_tok_s"])
		}
	}
	jobs, _ := filepath.Glob(filepath.Join(d.store, "simulated", "packs", "*", "*", "exit"))
	alone, _ := filepath.Glob(filepath.Join(d.store, "simulated", "runs", "*", "*", "sample-*", "attempt-*", "exit"))
	for _, file := range append(jobs, alone...) {
		if _, err := os.Stat(filepath.Join(filepath.Dir(file), "job.out")); err != nil {
			continue // a run of a job of several
		}
		exit, err := jobdir.Folder{Dir: filepath.Dir(file)}.ExitRecord()
		d.ok(err)
		gpuHours += 8 * exit.Ended.Sub(exit.Started).Hours()
	}
	return tps, gpuHours
}
