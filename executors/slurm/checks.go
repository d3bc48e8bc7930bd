package slurm

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/llmbench/llmbench/executors"
)

// Check implements executors.Scheduler.
func (c *Config) Check(ctx context.Context, again bool, longest time.Duration, nodes int) []executors.Check {
	if again {
		c.probe(ctx, nil)
	}
	p := c.profile
	var out []executors.Check
	add := func(name, result, detail, remedy string) {
		out = append(out, executors.Check{Name: name, Result: result, Detail: detail, Remedy: remedy})
	}
	if p.Cluster == "" {
		add("slurm", executors.CheckFail, c.unanswered(), "run llmbench on a login node of the cluster")
		return out
	}
	add("slurm", executors.CheckOK, fmt.Sprintf("cluster %s, Slurm %s, %s", p.Cluster, p.Version, accountingWords(p)), "")
	c.checkMPI(add)
	c.checkContainer(add)
	c.checkPartition(longest, nodes, add)
	c.checkGPUs(nodes, add)
	c.checkAccount(longest, add)
	c.checkPoliteness(add)
	return out
}

// unanswered says that the cluster does not answer, with Slurm's own words.
func (c *Config) unanswered() string {
	p := c.profile
	what := "the controller of Slurm does not answer on this host"
	if c.Cluster != "" {
		what = fmt.Sprintf("cluster %q does not answer on this host", c.Cluster)
	}
	if p.Silence != "" {
		what += ": " + strings.ReplaceAll(p.Silence, "\n", " ")
	}
	return what
}

type addCheck func(name, result, detail, remedy string)

func accountingWords(p *Profile) string {
	if !p.accounts() {
		return "no accounting: job files and the queue are enough"
	}
	return "accounting by " + p.Accounting
}

func (c *Config) checkMPI(add addCheck) {
	p := c.profile
	switch {
	case len(p.MPI) == 0:
		add("mpi", executors.CheckWarn, "srun --mpi=list names no plugin", "")
	case slices.ContainsFunc(p.MPI, func(have string) bool { return have == c.MPI || strings.HasPrefix(have, c.MPI+"_") }):
		add("mpi", executors.CheckOK, c.MPI, "")
	default:
		add("mpi", executors.CheckFail, fmt.Sprintf("mpi = %q, and this Slurm has %s", c.MPI, strings.Join(p.MPI, ", ")), "set mpi to one of these; TensorRT-LLM needs PMIx")
	}
}

func (c *Config) checkContainer(add addCheck) {
	p := c.profile
	switch {
	case c.Container == nil:
		add("container", executors.CheckSkipped, "no container block: the launcher runs on the node", "")
	case p.Pyxis:
		add("container", executors.CheckOK, "srun has pyxis' options", "")
	default:
		add("container", executors.CheckFail, "srun has no --container-image: pyxis is not installed", "ask for pyxis and enroot, or leave the container block out and install TensorRT-LLM on the nodes")
	}
}

func (c *Config) checkPartition(longest time.Duration, nodes int, add addCheck) {
	p := c.profile
	var missing []string
	for name := range strings.SplitSeq(c.Partition, ",") {
		if _, ok := p.Partitions[name]; !ok && name != "" {
			missing = append(missing, fmt.Sprintf("%q", name))
		}
	}
	parts := c.partitions()
	switch {
	case len(missing) > 0:
		add("partition", executors.CheckFail, "there is no partition "+strings.Join(missing, ", "), "there are "+strings.Join(slices.Sorted(maps.Keys(p.Partitions)), ", "))
		return
	case len(parts) == 0:
		add("partition", executors.CheckSkipped, "the cluster's default", "")
		return
	}
	// Of several partitions, one that takes the job is enough.
	var found []executors.Check
	for _, part := range parts {
		found = append(found, checkOnePartition(part, longest, nodes))
	}
	bySeverity := func(a, b executors.Check) int { return severity(a.Result) - severity(b.Result) }
	worst, best := slices.MaxFunc(found, bySeverity), slices.MinFunc(found, bySeverity)
	switch {
	case worst.Result == executors.CheckFail && best.Result != executors.CheckFail && p.EnforceLimits != "ALL":
		add("partition", executors.CheckWarn, worst.Detail, "jobs run in the others of partition, or leave it out of the list")
	case worst.Result == executors.CheckOK && len(found) > 1:
		add("partition", executors.CheckOK, fmt.Sprintf("%s: %d of them", c.Partition, len(found)), "")
	default:
		add("partition", worst.Result, worst.Detail, worst.Remedy)
	}
}

func severity(result string) int {
	return slices.Index([]string{executors.CheckOK, executors.CheckWarn, executors.CheckFail}, result)
}

func checkOnePartition(part Partition, longest time.Duration, nodes int) executors.Check {
	check := func(result, detail, remedy string) executors.Check {
		return executors.Check{Result: result, Detail: detail, Remedy: remedy}
	}
	switch {
	case part.MaxTime > 0 && longest > part.MaxTime:
		return check(executors.CheckFail, fmt.Sprintf("time limits reach %s, and %s allows %s", longest, part.Name, part.MaxTime), "lower time_limit, or choose another partition")
	case part.Nodes < nodes:
		return check(executors.CheckFail, fmt.Sprintf("a run needs %d nodes, and %s has %d", nodes, part.Name, part.Nodes), "choose another partition")
	case part.State == "DRAIN" || part.State == "INACTIVE":
		return check(executors.CheckFail, fmt.Sprintf("%s is %s: sbatch takes no job for it", part.Name, part.State), "choose another partition, or wait until it is up")
	case part.State != "UP":
		return check(executors.CheckWarn, fmt.Sprintf("%s is %s", part.Name, part.State), "jobs wait until it is up")
	}
	return check(executors.CheckOK, fmt.Sprintf("%s: %d nodes, %s", part.Name, part.Nodes, part.Gres), "")
}

// partitions are those of the executor's jobs, as far as the cluster knows them:
// the ones that are listed, else the cluster's default.
func (c *Config) partitions() []Partition {
	listed := strings.Split(c.Partition, ",")
	var list []Partition
	for _, name := range slices.Sorted(maps.Keys(c.profile.Partitions)) {
		part := c.profile.Partitions[name]
		if part.Name = name; slices.Contains(listed, name) || c.Partition == "" && part.Default {
			list = append(list, part)
		}
	}
	return list
}

func (c *Config) checkGPUs(nodes int, add addCheck) {
	p := c.profile
	if c.GPUsPerNodeFlag && !slices.Contains(p.GRES, "gpu") {
		add("gpus", executors.CheckFail, "the cluster knows no generic resource named gpu (GresTypes)", "set gpus_per_node_flag = false, and ask for GPUs with extra_args as the site does")
	} else if c.GPUsPerNodeFlag {
		add("gpus", executors.CheckOK, "asked for with --gpus-per-node", "")
	}
	if nodes > 1 {
		add("placement", executors.CheckOK, "nodes of a run: "+c.Domain(), "")
	}
}

func (c *Config) checkAccount(longest time.Duration, add addCheck) {
	p := c.profile
	mine := p.accountNames()
	switch {
	case len(mine) == 0:
		add("account", executors.CheckSkipped, "the accounting names no accounts of this user", "")
	case c.Account != "" && !slices.ContainsFunc(mine, func(a string) bool { return strings.EqualFold(a, c.Account) }):
		add("account", executors.CheckFail, fmt.Sprintf("account %q is not yours", c.Account), "yours are "+strings.Join(mine, ", "))
	default:
		add("account", executors.CheckOK, cmp.Or(c.Account, p.DefaultAccount, strings.Join(mine, ", ")), "")
	}
	c.checkQOS(longest, add)
	if most := c.window(); most < c.MaxInQueue {
		add("submit window", executors.CheckWarn, fmt.Sprintf("max_in_queue is %d, and you may have %d in the queue", c.MaxInQueue, most), fmt.Sprintf("at most %d are submitted at once; set max_in_queue to say so", most))
	}
}

func (c *Config) checkQOS(longest time.Duration, add addCheck) {
	p := c.profile
	name := c.qosOf()
	if name == "" || p.QOS == nil {
		return
	}
	var mine []string
	for _, a := range c.mine() {
		mine = append(mine, a.QOS...)
	}
	qos := p.QOS[name]
	switch {
	case len(mine) > 0 && !slices.Contains(mine, name):
		add("qos", executors.CheckFail, fmt.Sprintf("QOS %q is not yours", name), "yours are "+strings.Join(slices.Compact(slices.Sorted(slices.Values(mine))), ", "))
	case qos.MaxTime > 0 && longest > qos.MaxTime:
		add("qos", executors.CheckFail, fmt.Sprintf("time limits reach %s, and QOS %s allows %s", longest, name, qos.MaxTime), "lower time_limit, or choose another qos")
	default:
		add("qos", executors.CheckOK, name, "")
	}
}

// checkPoliteness tells how the cluster deals with jobs and with those who ask.
func (c *Config) checkPoliteness(add addCheck) {
	p := c.profile
	detail := fmt.Sprintf("preemption %s, ended jobs known for %s, %s to end after SIGTERM", strings.ToLower(p.Preempt), time.Duration(p.MinJobAge)*time.Second, time.Duration(p.KillWait)*time.Second)
	if p.RateLimited {
		detail += fmt.Sprintf(", commands are limited to %d at once and %.4g a minute", p.RateBucket, 60*p.RateRefill)
	}
	add("jobs", executors.CheckOK, detail, "")
	if p.OverTimeLimit != 0 {
		add("time limit", executors.CheckWarn, "the cluster lets jobs run beyond their limit (OverTimeLimit)", "the ceiling in GPU-hours may be exceeded by that much")
	}
}

// A Topology is how nodes are joined: block, tree, flat or another plugin's name.
type Topology struct {
	Kind string `json:"kind"`
	// Blocks are the nodes of each block, as Slurm writes them.
	Blocks map[string]string `json:"blocks"`
}

// topologies reads the cluster's own topology, and asks for those that partitions
// name, which they do from 25.05 on.
func (p *Profile) topologies(ctx context.Context, s *client, own string) {
	if t := parseTopology(own); t.Kind != "" {
		p.Topologies[""] = t
	}
	for _, part := range p.Partitions {
		if _, known := p.Topologies[part.Topology]; known {
			continue
		}
		if out, err := s.topology(ctx, part.Topology); err == nil {
			p.Topologies[part.Topology] = parseTopology(out)
		}
	}
}

// parseTopology reads `scontrol show topology`: BlockName= lines for blocks, and
// SwitchName= lines for trees; other plugins print nothing.
func parseTopology(out string) Topology {
	t := Topology{}
	for line := range strings.Lines(out) {
		fields := keyValues(line)
		switch {
		case fields["BlockName"] != "":
			t.Kind = "block"
			if t.Blocks == nil {
				t.Blocks = map[string]string{}
			}
			t.Blocks[fields["BlockName"]] = fields["Nodes"]
		case fields["SwitchName"] != "" && t.Kind == "":
			t.Kind = "tree"
		}
	}
	return t
}

// atLeast reports whether the cluster's Slurm is of a release or later.
func (p *Profile) atLeast(major, minor int) bool {
	parts := strings.Split(p.Version, ".")
	if len(parts) < 2 {
		return false
	}
	a, errA := strconv.Atoi(parts[0])
	b, errB := strconv.Atoi(parts[1])
	return errA == nil && errB == nil && (a > major || a == major && b >= minor)
}

const noAnswer = "Slurm does not answer on this host"

// keepsBlocks says why --segment does not keep the nodes of a job in one block of
// the executor's partitions; "" where it does.
func (c *Config) keepsBlocks() string {
	p := c.profile
	if p.Version == "" {
		return noAnswer
	}
	if !p.atLeast(24, 5) {
		return fmt.Sprintf("Slurm %s has no --segment, which came with 24.05", p.Version)
	}
	parts := c.partitions()
	if len(parts) == 0 {
		return "the topology of the partition is not known"
	}
	for _, part := range parts {
		if kind := p.Topologies[part.Topology].Kind; kind != "block" {
			return fmt.Sprintf("the topology of partition %s is %s, not block", part.Name, cmp.Or(kind, "flat"))
		}
	}
	return ""
}

// Domain implements executors.Scheduler.
func (c *Config) Domain() string {
	p := c.profile
	if c.InAllocation {
		return "one NVLink domain if the nodes of this allocation are: llmbench does not choose them"
	}
	why := c.keepsBlocks()
	switch {
	case c.Segment && why == "":
		return fmt.Sprintf("one NVLink domain, kept by --segment: Slurm %s has it, and the topology of %s is block", p.Version, c.partitionWords())
	case c.Segment:
		return fmt.Sprintf("one NVLink domain if the cluster has --segment: segment = true, and %s", why)
	case why == "":
		return "not kept in one NVLink domain: segment = false"
	case why == noAnswer:
		return "not known to be in one NVLink domain: " + why + "; --segment is left out"
	}
	return "not kept in one NVLink domain: " + why + "; --segment is left out"
}

// partitionWords names the executor's partitions.
func (c *Config) partitionWords() string {
	var names []string
	for _, part := range c.partitions() {
		names = append(names, part.Name)
	}
	if len(names) == 1 {
		return "partition " + names[0]
	}
	return "partitions " + strings.Join(names, ", ")
}
