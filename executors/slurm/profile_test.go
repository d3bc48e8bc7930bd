package slurm

import (
	"context"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/llmbench/llmbench/executors"
)

// canned answers commands by their first words, the longest that fit, and notes
// what is asked.
type canned struct {
	answers map[string]string
	mu      sync.Mutex
	asked   []string
}

func (c *canned) Run(_ context.Context, _ time.Duration, _ string, argv ...string) (string, error) {
	words := strings.Join(argv, " ")
	c.mu.Lock()
	defer c.mu.Unlock()
	c.asked = append(c.asked, words)
	best := ""
	for start := range c.answers {
		if strings.HasPrefix(words, start) && len(start) > len(best) {
			best = start
		}
	}
	out, failed := strings.CutSuffix(c.answers[best], "!")
	if best == "" || failed {
		return out, failedCommand(argv[0], "Rate limit exceeded, please retry momentarily", true)
	}
	return out, nil
}

// rack is a cluster of NVL72 racks, in the forms of SchedMD/slurm: the
// configuration of src/api/config_info.c, partitions of src/api/partition_info.c,
// topology of src/plugins/topology/block/topology_block.c, all of 25.05.
var rack = map[string]string{
	"scontrol show config": `Configuration data as of 2026-03-04T10:00:00
AccountingStorageType   = accounting_storage/slurmdbd
ClusterName             = rack
EnforcePartLimits       = ANY
GresTypes               = gpu,nvme
KillWait                = 30 sec
MaxJobCount             = 20000
MessageTimeout          = 10 sec
MinJobAge               = 120 sec
OverTimeLimit           = 0 min
PreemptMode             = REQUEUE
SelectType              = select/cons_tres
SLURM_VERSION           = 25.05.3
SlurmctldParameters     = rl_enable,rl_bucket_size=40,rl_refill_rate=4,rl_refill_period=60
TopologyPlugin          = topology/block

Slurmctld(primary) at ctl1 is UP
`,
	"srun --mpi=list": "MPI plugin types are...\n\tnone\n\tpmix\n\tpmi2\nspecific pmix plugin versions available: pmix_v4,pmix_v5\n",
	"srun --help":     "      --container-image=[USER@][REGISTRY#]IMAGE[:TAG]|PATH\n",
	"scontrol -a -o show partition": `PartitionName=gb200 AllowGroups=ALL AllowAccounts=ALL Default=YES QoS=N/A Hidden=NO MaxNodes=UNLIMITED MaxTime=08:00:00 Nodes=nvl72d[001-002]-T[01-18] State=UP TotalNodes=36
PartitionName=debug Default=NO QoS=few Hidden=NO MaxTime=00:30:00 State=UP TotalNodes=4
PartitionName=backfill Default=NO QoS=N/A Hidden=YES MaxTime=1-00:00:00 State=UP TotalNodes=36
PartitionName=old Default=NO QoS=N/A Hidden=NO MaxTime=08:00:00 State=DRAIN TotalNodes=8
PartitionName=off Default=NO QoS=N/A Hidden=NO MaxTime=08:00:00 State=INACTIVE TotalNodes=8
PartitionName=down Default=NO QoS=N/A Hidden=NO MaxTime=08:00:00 State=DOWN TotalNodes=8
PartitionName=cpu Default=NO QoS=N/A Hidden=NO MaxTime=08:00:00 Nodes=cn[1-9] Topology=plain State=UP TotalNodes=9
`,
	"sinfo": "gb200|gpu:gb200:4\ndebug|gpu:gb200:4\n",
	"scontrol show topology": `BlockName=rack1 BlockIndex=0 Nodes=nvl72d001-T[01-18] BlockSize=18
BlockName=rack2 BlockIndex=1 Nodes=nvl72d002-T[01-18] BlockSize=18
`,
	"scontrol show topology plain": "SwitchName=s1 Level=0 LinkSpeed=1 Nodes=cn[1-9]\n",
	"sacctmgr -n -P show assoc":    "perf||40|high,normal|normal\nspare||2|normal|\nspare|debug|1|normal|\n",
	"sacctmgr -n -P show user":     "perf\n",
	"sacctmgr -n -P show qos":      "normal|04:00:00|||\nhigh|1-00:00:00|6||\nfew|||2|\nother|00:10:00|1||\n",
}

// like is rack with other answers.
func like(changed map[string]string) *canned {
	answers := maps.Clone(rack)
	maps.Copy(answers, changed)
	return &canned{answers: answers}
}

func testSite(c *canned) *Config {
	return &Config{MPI: "pmix", GPUsPerNodeFlag: true, MaxInQueue: 8, CommandsPerMinute: 12, runner: c.Run}
}

func TestProfileOfRacks(t *testing.T) {
	p := testSite(like(nil)).probe(t.Context(), nil)
	if p.Cluster != "rack" || !p.RateLimited || p.RateBucket != 40 || 60*p.RateRefill != 4 || p.EnforceLimits != "ANY" || !p.Pyxis || p.KillWait != 30 || p.Preempt != "REQUEUE" || p.DefaultAccount != "perf" {
		t.Errorf("%+v", p)
	}
	if got := p.QOS["high"]; got != (QOS{MaxTime: 24 * time.Hour, MaxSubmit: 6}) || len(p.QOS) != 4 {
		t.Errorf("QOS are %v", p.QOS)
	}
	if got := p.Topologies[""].Blocks["rack2"]; got != "nvl72d002-T[01-18]" || p.Topologies["plain"].Kind != "tree" {
		t.Errorf("topologies are %v", p.Topologies)
	}
	for _, c := range []struct {
		name    string
		change  func(*Config)
		longest time.Duration
		nodes   int
		said    string // NAME: RESULT, for what is not ok
		words   string
	}{
		{"all is well", func(*Config) {}, time.Hour, 2, "container: skipped", "blocks"},
		{"default partition", func(*Config) {}, 9 * time.Hour, 2, "container: skipped partition: fail qos: fail", "gb200 allows 8h0m0s"},
		{"no such partition", func(c *Config) { c.Partition = "gold" }, time.Hour, 2, "container: skipped partition: fail", "there is no partition \"gold\""},
		{"hidden partition", func(c *Config) { c.Partition = "backfill" }, time.Hour, 2, "container: skipped", "backfill: 36 nodes"},
		{"a list", func(c *Config) { c.Partition = "gb200,backfill" }, time.Hour, 2, "container: skipped", "gb200,backfill: 2 of them"},
		{"a list of which one takes the job", func(c *Config) { c.Partition, c.QOS = "debug,backfill", "high" }, 10 * time.Hour, 2, "container: skipped partition: warn submit window: warn", "debug allows 30m0s"},
		{"drained partition", func(c *Config) { c.Partition = "old" }, time.Hour, 2, "container: skipped partition: fail", "old is DRAIN: sbatch takes no job"},
		{"inactive partition", func(c *Config) { c.Partition = "off" }, time.Hour, 2, "container: skipped partition: fail", "off is INACTIVE"},
		{"partition that is down", func(c *Config) { c.Partition = "down" }, time.Hour, 2, "container: skipped partition: warn", "jobs wait until it is up"},
		{"no such qos", func(c *Config) { c.QOS = "gold" }, time.Hour, 2, "container: skipped qos: fail", "yours are high, normal"},
		{"default qos is shorter", func(*Config) {}, 5 * time.Hour, 2, "container: skipped qos: fail", "QOS normal allows 4h0m0s"},
		{"qos takes few", func(c *Config) { c.QOS = "high" }, time.Hour, 2, "container: skipped submit window: warn", "you may have 6 in the queue"},
		{"not my account", func(c *Config) { c.Account = "gold" }, time.Hour, 2, "account: fail container: skipped", "perf, spare"},
		{"my account in capitals", func(c *Config) { c.Account = "PERF" }, time.Hour, 2, "container: skipped", "PERF"},
		{"too many nodes", func(c *Config) { c.Partition = "debug" }, time.Minute, 9, "container: skipped partition: fail submit window: warn", "needs 9 nodes"},
	} {
		cfg := testSite(nil)
		c.change(cfg)
		cfg.profile = p
		cfg.fit()
		var said, words []string
		for _, check := range cfg.Check(t.Context(), false, c.longest, c.nodes) {
			words = append(words, check.Detail, check.Remedy)
			if check.Result != executors.CheckOK {
				said = append(said, check.Name+": "+check.Result)
			}
		}
		if got := strings.Join(sorted(said), " "); got != c.said || c.words != "blocks" && !strings.Contains(strings.Join(words, "\n"), c.words) {
			t.Errorf("%s: %s, want %s with %q in\n%s", c.name, got, c.said, c.words, strings.Join(words, "\n"))
		}
	}
	e := newExecutor(&Config{PollInterval: time.Minute}, hclog.NewNullLogger())
	e.know(&Profile{MessageTimeout: 100})
	if e.AdoptWindow != 230*time.Second {
		t.Errorf("a job is looked for for %s, and the controller may take 100 s twice", e.AdoptWindow)
	}
}

// The submit window is the least of what the account, its default QOS and the
// partition's QOS allow, on this cluster; a limit of 2 means 2.
func TestWindow(t *testing.T) {
	asked := like(nil)
	p := testSite(asked).probe(t.Context(), nil)
	for _, c := range []struct {
		account, partition, qos string
		want                    int
	}{
		{"", "", "", 8}, {"perf", "", "high", 6}, {"spare", "", "", 2}, {"Spare", "debug", "", 1}, {"spare", "gb200", "", 2},
		{"perf", "debug", "", 2}, {"perf", "gb200,debug", "", 2}, {"gold", "", "", 8}, {"perf", "", "other", 1},
	} {
		cfg := testSite(nil)
		cfg.Account, cfg.Partition, cfg.QOS = c.account, c.partition, c.qos
		cfg.profile = p
		if got := cfg.window(); got != c.want {
			t.Errorf("account %q, partition %q, QOS %q: %d, want %d", c.account, c.partition, c.qos, got, c.want)
		}
	}
	// One default QOS, as `sacctmgr add user … defaultqos=two` leaves it.
	two := testSite(like(map[string]string{"sacctmgr -n -P show assoc": "perf|||two|two\n", "sacctmgr -n -P show qos": "two||2||\n"}))
	two.probe(t.Context(), nil)
	if got := two.window(); got != 2 {
		t.Errorf("a default QOS of two jobs: %d", got)
	}
	for _, question := range asked.asked {
		if strings.HasPrefix(question, "sacctmgr") && !strings.Contains(question, "show qos") && !strings.Contains(question, "cluster=rack") {
			t.Errorf("%s asks for all clusters of the slurmdbd", question)
		}
	}
}

// --segment is used where Slurm is of 24.05 or later and the partition's topology
// is block; who writes segment = true elsewhere is told why not.
func TestSegment(t *testing.T) {
	version := func(v string) map[string]string {
		return map[string]string{"scontrol show config": strings.Replace(rack["scontrol show config"], "25.05.3", v, 1)}
	}
	// 24.05 prints blocks without their size; partitions have no topology of their own.
	block2405 := version("24.05.4")
	block2405["scontrol show topology"] = "BlockName=rack1 BlockIndex=0 Nodes=nvl72d001-T[01-18]\n"
	tree := version("24.11.1")
	tree["scontrol show topology"] = "SwitchName=leaf1 Level=0 LinkSpeed=1 Nodes=gb[1-18]\n"
	flat := version("25.11.0")
	flat["scontrol show topology"] = ""
	flat["scontrol show config"] = strings.Replace(flat["scontrol show config"], "topology/block", "topology/flat", 1)
	for _, c := range []struct {
		name      string
		site      map[string]string
		partition string
		written   string
		on        bool
		domain    string
		err       string
	}{
		{"25.05", nil, "gb200", "", true, "one NVLink domain, kept by --segment: Slurm 25.05.3 has it, and the topology of partition gb200 is block", ""},
		{"25.05, written", nil, "gb200", "segment = true", true, "kept by --segment", ""},
		{"25.05, off", nil, "gb200", "segment = false", false, "not kept in one NVLink domain: segment = false", ""},
		{"25.05, a partition of another topology", nil, "cpu", "", false, "the topology of partition cpu is tree, not block; --segment is left out", ""},
		{"25.05, one of two partitions", nil, "gb200,cpu", "segment = true", true, "", "the topology of partition cpu is tree"},
		{"24.05", block2405, "gb200", "", true, "kept by --segment", ""},
		{"24.11, tree", tree, "", "", false, "the topology of partition gb200 is tree, not block", ""},
		{"24.11, tree, written", tree, "", "segment = true", true, "", "Leave segment out"},
		{"25.11, flat", flat, "", "", false, "is flat, not block", ""},
		{"23.11", version("23.11.10"), "", "", false, "Slurm 23.11.10 has no --segment, which came with 24.05", ""},
		{"23.11, written", version("23.11.10"), "", "segment = true", true, "", "which came with 24.05"},
		{"no Slurm", map[string]string{"scontrol show config": "!"}, "", "", false, "not known", ""},
		{"no Slurm, written", map[string]string{"scontrol show config": "!"}, "", "segment = true", true, "if the cluster has --segment", ""},
	} {
		cfg, diags := configure(t, c.written+"\n")
		if diags.HasErrors() {
			t.Fatal(diags)
		}
		asked := like(c.site)
		cfg.runner, cfg.Partition = asked.Run, c.partition
		cfg.probe(t.Context(), nil)
		diags = cfg.fit()
		if diags.HasErrors() != (c.err != "") || c.err != "" && !strings.Contains(diags.Error(), c.err) || cfg.Segment != c.on {
			t.Errorf("%s: on %v, %v; want %v, %q", c.name, cfg.Segment, diags, c.on, c.err)
		}
		if got := cfg.Domain(); !strings.Contains(got, c.domain) {
			t.Errorf("%s: %s, want %s", c.name, got, c.domain)
		}
		for _, question := range asked.asked {
			if strings.HasPrefix(question, "sbatch") {
				t.Errorf("%s: asked %s", c.name, question)
			}
		}
	}
}

// Where a user's bucket of commands is empty, 25.11's `scontrol show config` prints
// all and then fails at its ping (_print_config in src/scontrol/scontrol.c): the
// controller answers.
func TestEmptyBucketIsAnAnswer(t *testing.T) {
	p := testSite(like(map[string]string{"scontrol show config": rack["scontrol show config"] + "!"})).probe(t.Context(), nil)
	if p.Cluster != "rack" || len(p.Partitions) == 0 {
		t.Errorf("%+v", p)
	}
}

// 25.11 calls no accounting (null): nothing is asked of it.
func TestNoAccounting(t *testing.T) {
	for _, name := range []string{"(null)", "accounting_storage/none"} {
		c := like(map[string]string{"scontrol show config": "ClusterName = plain\nSLURM_VERSION = 25.11.1\nAccountingStorageType = " + name + "\n"})
		cfg := testSite(c)
		p := cfg.probe(t.Context(), nil)
		if strings.Contains(strings.Join(c.asked, "\n"), "sacctmgr") || accountingWords(p) != "no accounting: job files and the queue are enough" {
			t.Errorf("%s: %v, %s", name, c.asked, accountingWords(p))
		}
	}
}

// A cluster that Slurm does not know does not pass.
func TestUnknownCluster(t *testing.T) {
	cfg := testSite(&canned{})
	cfg.Cluster = "nosuch"
	checks := cfg.Check(t.Context(), true, time.Hour, 2)
	if len(checks) != 1 || checks[0].Result != executors.CheckFail || !strings.Contains(checks[0].Detail, `cluster "nosuch" does not answer`) {
		t.Errorf("%+v", checks)
	}
}

// Every question to Slurm carries the executor's cluster.
func TestQuestionsCarryTheCluster(t *testing.T) {
	c := like(nil)
	for words, answer := range rack {
		name, rest, _ := strings.Cut(words, " ")
		c.answers[name+" --clusters=far "+rest] = answer
	}
	c.answers["squeue"] = "7|llmb-x|RUNNING|0|N/A|N/A|gb01|None|\n"
	cfg := testSite(c)
	cfg.Cluster, cfg.PollInterval, cfg.CommandsPerMinute = "far", time.Minute, 6000
	if p := cfg.probe(t.Context(), nil); p.Cluster != "rack" || p.DefaultAccount != "perf" {
		t.Errorf("%+v", p)
	}
	e := newExecutor(cfg, hclog.NewNullLogger())
	e.shared = nil
	h := e.handle("7", "llmb-x")
	job := &executors.Job{Name: "llmb-y", Dir: t.TempDir(), Argv: []string{"sbatch", "--clusters=far", "script.sh"}, Resumed: true, NotBefore: time.Now()}
	_, _ = e.Submit(t.Context(), job)
	_ = e.Preflight(t.Context(), job)
	_, _ = e.Poll(t.Context(), []executors.Handle{h, e.handle("8", "llmb-z")})
	_, _ = e.List(t.Context())
	_, _ = e.Down(t.Context(), []string{"gb01"})
	_, _ = e.Diagnose(t.Context(), h, nil)
	_, _ = e.Cancel(t.Context(), h), e.Nudge(t.Context(), h)
	commands := map[string]bool{}
	for _, question := range c.asked {
		name, _, _ := strings.Cut(question, " ")
		commands[name] = true
		local := question == "srun --mpi=list" || question == "srun --help" || strings.Contains(question, "show qos")
		if !local && !strings.Contains(question, " --clusters=far") && !strings.Contains(question, " cluster=rack") {
			t.Errorf("without its cluster: %s", question)
		}
	}
	for _, name := range []string{"sbatch", "squeue", "scancel", "scontrol", "sinfo", "sacct", "sacctmgr", "srun"} {
		if !commands[name] {
			t.Errorf("%s was not asked", name)
		}
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
		{"limited", Profile{Version: "23.11", RateLimited: true, RateBucket: 40, RateRefill: 4.0 / 60}, false, 39 * time.Minute},
		{"paced", Profile{Version: "23.11"}, true, 7 * time.Minute},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				e := newExecutor(&Config{PollInterval: time.Minute, MaxInQueue: 100, CommandsPerMinute: 12, paced: c.paced}, hclog.NewNullLogger())
				e.slurm.runner = (&canned{answers: map[string]string{"sbatch": ""}}).Run
				e.know(&c.profile)
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

// A cluster without GRES is told of, and one that lets jobs run on.
func TestProfileOfPlainCluster(t *testing.T) {
	plain := like(map[string]string{"scontrol show config": "ClusterName = plain\nGresTypes = (null)\nTopologyPlugin = topology/tree\nOverTimeLimit = UNLIMITED\n"})
	got := map[string]string{}
	cfg := testSite(plain)
	for _, check := range cfg.Check(t.Context(), true, time.Hour, 2) {
		got[check.Name] = check.Result
	}
	for name, want := range map[string]string{"gpus": executors.CheckFail, "placement": executors.CheckOK, "time limit": executors.CheckWarn} {
		if got[name] != want {
			t.Errorf("%s: %s, want %s", name, got[name], want)
		}
	}
}

func sorted(s []string) []string {
	slices.Sort(s)
	return s
}
