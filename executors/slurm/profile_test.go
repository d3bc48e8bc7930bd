package slurm

import (
	"context"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/llmbench/llmbench/executors"
)

// canned answers commands by their words.
type canned map[string]string

func (c canned) Run(_ context.Context, _ time.Duration, _ string, argv ...string) (string, error) {
	words := strings.Join(argv, " ")
	for start, out := range c {
		if strings.HasPrefix(words, start) {
			return out, nil
		}
	}
	return "", CommandError(argv[0], "no answer", true)
}

// nvl72 is a cluster of racks as its commands tell of it.
var nvl72 = canned{
	"scontrol show config": `AccountingStorageType   = accounting_storage/slurmdbd
ClusterName             = rack
EnforcePartLimits       = ALL
GresTypes               = gpu,nvme
KillWait                = 30 sec
MaxJobCount             = 20000
MessageTimeout          = 10 sec
MinJobAge               = 120 sec
OverTimeLimit           = 0 min
PreemptMode             = REQUEUE
SelectType              = select/cons_tres
SLURM_VERSION           = 24.11.3
SlurmctldParameters     = rl_enable,rl_bucket_size=40
TopologyPlugin          = topology/block
`,
	"srun --mpi=list":            "MPI plugin types are...\n\tnone\n\tpmix\n\tpmi2\nspecific pmix plugin versions available: pmix_v4,pmix_v5\n",
	"srun --help":                "      --container-image=[USER@][REGISTRY#]IMAGE[:TAG]|PATH\n",
	"sbatch --help":              "      --segment=size   specify segment size\n",
	"scontrol -o show partition": "PartitionName=gb200 Default=YES MaxTime=08:00:00 State=UP TotalNodes=36\nPartitionName=debug Default=NO MaxTime=00:30:00 State=UP TotalNodes=4\n",
	"sinfo":                      "gb200|gpu:gb200:4\ndebug|gpu:gb200:4\n",
	"sacctmgr -n -P show assoc":  "perf|40|normal,high\nspare||normal\n",
	"sacctmgr -n -P show qos":    "normal|04:00:00|\nhigh|1-00:00:00|6\nother|00:10:00|1\n",
}

func TestProfileOfRacks(t *testing.T) {
	p := NewProfile(t.Context(), nvl72)
	if p.Cluster != "rack" || !p.RateLimited || !p.EnforceLimits || !p.Pyxis || !p.Segment || p.MaxSubmit != 40 || p.MaxJobs != 20000 || p.KillWait != 30 || p.Preempt != "REQUEUE" {
		t.Errorf("%+v", p)
	}
	if got := p.QOS["high"]; got != (QOS{MaxTime: 24 * time.Hour, MaxSubmit: 6}) || len(p.QOS) != 2 {
		t.Errorf("QOS are %v", p.QOS)
	}
	for _, c := range []struct {
		name    string
		change  func(*Config)
		longest time.Duration
		nodes   int
		said    string // NAME: RESULT, for what is not ok
		words   string
	}{
		{"all is well", func(*Config) {}, time.Hour, 2, "container: skipped", ""},
		{"default partition", func(*Config) {}, 9 * time.Hour, 2, "container: skipped partition: fail", "gb200 allows 8h0m0s"},
		{"no such qos", func(c *Config) { c.QOS = "gold" }, time.Hour, 2, "container: skipped qos: fail", "yours are high, normal"},
		{"qos is shorter", func(c *Config) { c.QOS = "normal" }, 5 * time.Hour, 2, "container: skipped qos: fail", "QOS normal allows 4h0m0s"},
		{"qos takes few", func(c *Config) { c.QOS, c.MaxInQueue = "high", 8 }, time.Hour, 2, "container: skipped submit window: warn", "set max_in_queue"},
		{"not my account", func(c *Config) { c.Account = "gold" }, time.Hour, 2, "account: fail container: skipped", "perf, spare"},
		{"too many nodes", func(c *Config) { c.Partition = "debug" }, time.Minute, 9, "container: skipped partition: fail", "needs 9 nodes"},
	} {
		cfg := &Config{MPI: "pmix", GPUsPerNodeFlag: true, Segment: true, MaxInQueue: 4, CommandsPerMinute: 12}
		c.change(cfg)
		var said, words []string
		for _, check := range cfg.Check(p, c.longest, c.nodes) {
			words = append(words, check.Detail, check.Remedy)
			if check.Result != executors.CheckOK {
				said = append(said, check.Name+": "+check.Result)
			}
		}
		if got := strings.Join(sorted(said), " "); got != c.said || !strings.Contains(strings.Join(words, "\n"), c.words) {
			t.Errorf("%s: %s, want %s with %q in\n%s", c.name, got, c.said, c.words, strings.Join(words, "\n"))
		}
	}
	e := New(&Config{PollInterval: time.Minute}, hclog.NewNullLogger())
	e.Know(&Profile{MessageTimeout: 100})
	if e.AdoptWindow != 230*time.Second {
		t.Errorf("a job is looked for for %s, and the controller may take 100 s twice", e.AdoptWindow)
	}
	if got := (&Config{MaxInQueue: 100, QOS: "high"}).Window(p); got != 5 {
		t.Errorf("the window is %d, want 5 below 6", got)
	}
}

// The window of a cluster that does not limit its users is filled at once, that of
// another at the pace of commands_per_minute, as is one whose block sets it.
func TestWindowIsFilled(t *testing.T) {
	for _, c := range []struct {
		name    string
		profile Profile
		paced   bool
		least   time.Duration
	}{
		{"no limit", Profile{Version: "23.11"}, false, 0},
		{"not known", Profile{}, false, 7 * time.Minute},
		{"limited", Profile{Version: "23.11", RateLimited: true}, false, 7 * time.Minute},
		{"paced", Profile{Version: "23.11"}, true, 7 * time.Minute},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				e := New(&Config{PollInterval: time.Minute, MaxInQueue: 100, CommandsPerMinute: 12, paced: c.paced}, hclog.NewNullLogger())
				e.slurm.runner = gentle{next: canned{"sbatch": ""}, bucket: e.cfg.bucket(burst)}
				e.Know(&c.profile)
				began := time.Now()
				for range 100 {
					if _, err := e.slurm.ask(t.Context(), "sbatch"); err != nil {
						t.Fatal(err)
					}
				}
				if took := time.Since(began); took < c.least || c.least == 0 && took > 0 {
					t.Errorf("100 commands took %s, want %s or more, and none if 0", took, c.least)
				}
			})
		})
	}
}

// A cluster without GRES, or without block topology, is told of.
func TestProfileOfPlainCluster(t *testing.T) {
	plain := canned{}
	for k, v := range nvl72 {
		plain[k] = v
	}
	plain["scontrol show config"] = "ClusterName = plain\nGresTypes = (null)\nTopologyPlugin = topology/tree\nOverTimeLimit = UNLIMITED\n"
	cfg := &Config{MPI: "pmix", GPUsPerNodeFlag: true, Segment: true, MaxInQueue: 4}
	got := map[string]string{}
	for _, check := range cfg.Check(NewProfile(t.Context(), plain), time.Hour, 2) {
		got[check.Name] = check.Result
	}
	for name, want := range map[string]string{"gpus": executors.CheckFail, "segment": executors.CheckWarn, "time limit": executors.CheckWarn} {
		if got[name] != want {
			t.Errorf("%s: %s, want %s", name, got[name], want)
		}
	}
}

func sorted(s []string) []string {
	slices.Sort(s)
	return s
}
