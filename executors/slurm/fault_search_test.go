package slurm

import (
	"flag"
	"fmt"
	"hash/fnv"
	"math"
	"math/rand"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hcldec"

	"github.com/llmbench/llmbench/plan"
	"github.com/llmbench/llmbench/schema"
	"github.com/llmbench/llmbench/schema/catalog"
)

var searchCount = flag.Int("faults.searches", 4, "how many schedules of faults two searches go through")

// Two searches write the same rounds where Slurm answers and nobody dies as where it
// lies, lags and forgets and the client is killed at any moment: what becomes of a run
// follows from the seed, and when follows from the faults. Faults also cost GPU-hours, so
// the searches have enough of them here, and too few in every fourth schedule more, in
// which neither may exceed its own.
func TestFaultsOfSearches(t *testing.T) {
	const enough, few = 1000, 2.8
	defs, poor := searchDefinitions(t, enough), searchDefinitions(t, few)
	hold := func(t *testing.T, seed int64) {
		whole := searchRounds(t, defs, seed, 0, false)
		if got := searchRounds(t, defs, seed, 0, true); got != whole {
			t.Errorf("rounds of an undisturbed search\n%s\nand with faults\n%s", whole, got)
		}
		if seed%4 == 0 {
			searchRounds(t, poor, seed, few, true)
		}
	}
	if *faultSeed != 0 {
		hold(t, *faultSeed)
		return
	}
	inParts(t, *searchCount, hold)
}

// searchRounds are the rounds of all searches, without when they were written and what
// was spent until then. Jobs of a search must not cost more than maxGPUHours; 0 is no bound.
func searchRounds(t *testing.T, defs *schema.Definitions, seed int64, maxGPUHours float64, faults bool) (told string) {
	dir, err := os.MkdirTemp(memory(), "llmbench-searches-")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	synctest.Test(t, func(t *testing.T) {
		s := newSchedule(t, 4*seed+3, dir, *faultSeed != 0) // with no bound but that of the searches
		s.packed, s.kills, s.slurm.faults, s.searchGPUHours = false, 0, 0, maxGPUHours
		if faults {
			s.kills, s.slurm.faults = 2+s.rng.Intn(4), []float64{0.1, 0.3, 0.6}[s.rng.Intn(3)]
		}
		s.slurm.course = s.course
		s.next = func() *plan.Plan { return s.searches(defs, faults) }
		s.plan = s.build(defs)
		s.run()
		s.check()
		for _, search := range s.plan.Searches {
			rounds, err := s.store.Rounds(search.Benchmark, search.Label, false)
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range rounds {
				told += fmt.Sprintf("%s %d %v\n", r.Label, r.Number, r.Runs)
			}
		}
	})
	return told
}

// searches is the next plan, with its rounds written down as apply does, nil where the
// searches have ended. The client may die in between.
func (s *schedule) searches(defs *schema.Definitions, faults bool) *plan.Plan {
	p := s.build(defs)
	if p.Summary.ToDo()+p.Summary.Wait == 0 {
		return nil
	}
	now := time.Now().UTC()
	for _, search := range p.Searches {
		r, ok := search.NextRound(p)
		if !ok {
			continue
		}
		if faults && s.slurm.killAt > 0 && s.rng.Intn(8) == 0 {
			panic(killed{"before a round is written"})
		}
		if r.Created.IsZero() {
			r.Created = now
		}
		if err := s.store.WriteRound(r, false); err != nil {
			s.t.Fatal(err)
		}
	}
	return p
}

func (s *schedule) build(defs *schema.Definitions) *plan.Plan {
	cfg := s.config()
	p, diags := plan.Build(plan.Request{
		Definitions: defs, Catalog: catalog.Load(), Ledger: s.store.View(""), Version: "1",
		Place: func(*schema.Cell) (plan.Placement, hcl.Diagnostics) {
			return plan.Placement{Ref: plan.ExecutorRef{Type: Type, Name: "gb"}, Renderer: cfg, Cluster: s.cluster, Retries: cfg.Retries}, nil
		},
	})
	if diags.HasErrors() {
		s.t.Fatal(diags.Errs())
	}
	return p
}

var attemptFolder = regexp.MustCompile(`runs/([0-9a-f]+)/.*/sample-([0-9]+)/attempt-[0-9]+$`)

// course decides by the run what its jobs come to: a value, a failure that repeats, or
// one of the infrastructure, which the next attempt may not have.
func (s *schedule) course(dir string) (fate string, tps float64) {
	m := attemptFolder.FindStringSubmatch(dir)
	earlier := map[string]bool{} // attempts that had a job
	for _, j := range s.slurm.jobs {
		if filepath.Dir(j.dir) == filepath.Dir(dir) && j.dir != dir {
			earlier[j.dir] = true
		}
	}
	draw := func(what string) *rand.Rand {
		h := fnv.New64a()
		fmt.Fprintln(h, s.seed, m[1], what)
		return rand.New(rand.NewSource(int64(h.Sum64())))
	}
	run := draw("run")
	tps = 500 * math.Exp(0.2*run.NormFloat64()+0.02*draw("sample "+m[2]).NormFloat64())
	if run.Intn(10) == 0 {
		return "fails", tps
	}
	if r := draw(fmt.Sprintf("sample %s attempt %d", m[2], len(earlier))); r.Intn(3) == 0 {
		fates := []string{"node fails", "killed", "preempted", "vanishes", "torn exit", "late exit", "late report", "requeued", "nothing"}
		return fates[r.Intn(len(fates))], tps
	}
	return "", tps
}

func searchDefinitions(t *testing.T, maxGPUHours float64) *schema.Definitions {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "main.hcl"), fmt.Appendf(nil, strings.TrimSpace(searchText)+"\n", maxGPUHours), 0o644); err != nil {
		t.Fatal(err)
	}
	defs, diags := schema.Load(dir, schema.Options{Executors: map[string]hcldec.Spec{Type: Spec()}, Version: "1", Catalog: catalog.Load()})
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	return defs
}

// The figures are those of faultReport.
const searchText = `
model "m" {
  checkpoint   = "nvidia/Llama-4-Maverick-17B-128E-Instruct-FP8"
  path         = "/weights"
  quantization = "FP8"
}

hardware "h" {
  gpu           = "GB200"
  gpus          = 8
  gpus_per_node = 4
}

image "i" {
  name = "registry/image:1.0.0"
}

use_case "chat" {
  isl = 128
  osl = 64
}

benchmark "tune" {
  model      = model.m
  hardware   = hardware.h
  image      = image.i
  time_limit = "10m"
  samples    = 2

  tp             = 8
  ep             = 8
  max_batch_size = 16
  max_num_tokens = 2048
  max_seq_len    = 192
  num_requests   = 2
  warmup         = 0

  llm_api_options = {
    stream_interval = each.interval
    moe_config      = { backend = each.moe }
  }

  use_case "chat" {}

  matrix {
    concurrency = [1, 2]

    axis "interval" {
      values = [1, 2, 3]
    }

    axis "moe" {
      values = ["WIDEEP", "CUTLASS"]
    }
  }

  search "first" {
    maximize      = output_throughput_per_gpu_tok_s
    max_runs      = 8
    max_gpu_hours = %[1]v

    bound "system_output_throughput_tok_s" {
      min = 100
    }
  }

  search "second" {
    minimize      = output_throughput_per_gpu_tok_s
    max_runs      = 6
    max_gpu_hours = %[1]v
  }
}
`
