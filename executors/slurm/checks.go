package slurm

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/llmbench/llmbench/executors"
)

// Check compares what the executor asks for with what the cluster has. longest
// is the longest time limit of the runs, nodes the most nodes.
func (c *Config) Check(p *Profile, longest time.Duration, nodes int) []executors.Check {
	var out []executors.Check
	add := func(name, result, detail, remedy string) {
		out = append(out, executors.Check{Name: name, Result: result, Detail: detail, Remedy: remedy})
	}
	if p.Cluster == "" {
		add("slurm", executors.CheckFail, "the controller of Slurm does not answer on this host", "run llmbench on a login node of the cluster")
		return out
	}
	add("slurm", executors.CheckOK, fmt.Sprintf("cluster %s, Slurm %s, %s", p.Cluster, p.Version, accountingWords(p)), "")
	c.checkMPI(p, add)
	c.checkContainer(p, add)
	c.checkPartition(p, longest, nodes, add)
	c.checkGPUs(p, nodes, add)
	c.checkAccount(p, longest, add)
	c.checkManners(p, add)
	return out
}

type adder func(name, result, detail, remedy string)

func accountingWords(p *Profile) string {
	if strings.HasSuffix(p.Accounting, "/none") || p.Accounting == "" {
		return "no accounting: job files and the queue tell all that is needed"
	}
	return "accounting by " + p.Accounting
}

func (c *Config) checkMPI(p *Profile, add adder) {
	switch {
	case len(p.MPI) == 0:
		add("mpi", executors.CheckWarn, "srun --mpi=list names no plugin", "")
	case slices.ContainsFunc(p.MPI, func(have string) bool { return have == c.MPI || strings.HasPrefix(have, c.MPI+"_") }):
		add("mpi", executors.CheckOK, c.MPI, "")
	default:
		add("mpi", executors.CheckFail, fmt.Sprintf("mpi = %q, and this Slurm has %s", c.MPI, strings.Join(p.MPI, ", ")), "set mpi to one of these; TensorRT-LLM needs PMIx")
	}
}

func (c *Config) checkContainer(p *Profile, add adder) {
	switch {
	case c.Container == nil:
		add("container", executors.CheckSkipped, "no container block: the launcher runs on the node", "")
	case p.Pyxis:
		add("container", executors.CheckOK, "srun has pyxis' options", "")
	default:
		add("container", executors.CheckFail, "srun has no --container-image: pyxis is not installed", "ask for pyxis and enroot, or leave the container block out and install TensorRT-LLM on the nodes")
	}
}

func (c *Config) checkPartition(p *Profile, longest time.Duration, nodes int, add adder) {
	name, part, ok := c.partition(p)
	switch {
	case name == "":
		add("partition", executors.CheckSkipped, "the cluster's default", "")
	case !ok:
		add("partition", executors.CheckFail, fmt.Sprintf("there is no partition %q", name), "there are "+strings.Join(slices.Sorted(maps.Keys(p.Partitions)), ", "))
	case part.MaxTime > 0 && longest > part.MaxTime:
		add("partition", executors.CheckFail, fmt.Sprintf("time limits reach %s, and %s allows %s", longest, name, part.MaxTime), "lower time_limit, or choose another partition")
	case part.Nodes < nodes:
		add("partition", executors.CheckFail, fmt.Sprintf("a run needs %d nodes, and %s has %d", nodes, name, part.Nodes), "choose another partition")
	case part.State != "UP":
		add("partition", executors.CheckWarn, fmt.Sprintf("%s is %s", name, part.State), "jobs wait until it is up")
	default:
		add("partition", executors.CheckOK, fmt.Sprintf("%s: %d nodes, %s", name, part.Nodes, part.Gres), "")
	}
}

// partition is the one that is named, else the cluster's default; the name is ""
// where that is not known.
func (c *Config) partition(p *Profile) (name string, part Partition, ok bool) {
	if c.Partition != "" {
		part, ok = p.Partitions[c.Partition]
		return c.Partition, part, ok
	}
	for name, part := range p.Partitions {
		if part.Default {
			return name, part, true
		}
	}
	return "", part, false
}

func (c *Config) checkGPUs(p *Profile, nodes int, add adder) {
	if c.GPUsPerNodeFlag && !slices.Contains(p.GRES, "gpu") {
		add("gpus", executors.CheckFail, "the cluster knows no generic resource named gpu (GresTypes)", "set gpus_per_node_flag = false, and ask for GPUs with extra_args as the site does")
	} else if c.GPUsPerNodeFlag {
		add("gpus", executors.CheckOK, "asked for with --gpus-per-node", "")
	}
	if c.Segment && nodes > 1 && p.Segment && !strings.HasSuffix(p.Topology, "/block") {
		add("segment", executors.CheckWarn, fmt.Sprintf("the topology is %s: --segment does not keep a job in one NVLink domain", p.Topology), "set segment = false where sbatch refuses it")
	}
}

func (c *Config) checkAccount(p *Profile, longest time.Duration, add adder) {
	switch {
	case len(p.Accounts) == 0:
		add("account", executors.CheckSkipped, "the accounting names no accounts of this user", "")
	case c.Account != "" && !slices.Contains(p.Accounts, c.Account):
		add("account", executors.CheckFail, fmt.Sprintf("account %q is not yours", c.Account), "yours are "+strings.Join(p.Accounts, ", "))
	default:
		add("account", executors.CheckOK, strings.Join(p.Accounts, ", "), "")
	}
	c.checkQOS(p, longest, add)
	if most := c.Window(p); most < c.MaxInQueue {
		add("submit window", executors.CheckWarn, fmt.Sprintf("max_in_queue is %d, and you may have %d jobs in the queue", c.MaxInQueue, most+1), fmt.Sprintf("at most %d are submitted at once; set max_in_queue to say so", most))
	}
}

func (c *Config) checkQOS(p *Profile, longest time.Duration, add adder) {
	if c.QOS == "" || p.QOS == nil {
		return
	}
	qos, mine := p.QOS[c.QOS]
	switch {
	case !mine:
		add("qos", executors.CheckFail, fmt.Sprintf("QOS %q is not yours", c.QOS), "yours are "+strings.Join(slices.Sorted(maps.Keys(p.QOS)), ", "))
	case qos.MaxTime > 0 && longest > qos.MaxTime:
		add("qos", executors.CheckFail, fmt.Sprintf("time limits reach %s, and QOS %s allows %s", longest, c.QOS, qos.MaxTime), "lower time_limit, or choose another qos")
	default:
		add("qos", executors.CheckOK, c.QOS, "")
	}
}

// Window is how many jobs may be in the queue at once: max_in_queue, below what
// the cluster lets the user submit.
func (c *Config) Window(p *Profile) int {
	most := c.MaxInQueue
	for _, limit := range []int{p.MaxSubmit, p.QOS[c.QOS].MaxSubmit} {
		if limit > 0 {
			most = min(most, max(1, limit-1))
		}
	}
	return most
}

// checkManners tells how the cluster deals with jobs and with those who ask.
func (c *Config) checkManners(p *Profile, add adder) {
	detail := fmt.Sprintf("preemption %s, ended jobs known for %s, %s to end after SIGTERM", strings.ToLower(p.Preempt), time.Duration(p.MinJobAge)*time.Second, time.Duration(p.KillWait)*time.Second)
	if p.RateLimited {
		detail += fmt.Sprintf(", commands are limited: at most %d a minute are run", c.CommandsPerMinute)
	}
	add("jobs", executors.CheckOK, detail, "")
	if p.OverTimeLimit != 0 {
		add("time limit", executors.CheckWarn, "the cluster lets jobs run on beyond their limit (OverTimeLimit)", "the ceiling in GPU-hours may be exceeded by that much")
	}
}
