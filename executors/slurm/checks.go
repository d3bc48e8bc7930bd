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
	c.checkAccount(p, add)
	if p.OverTimeLimit != 0 {
		add("time limit", executors.CheckWarn, "the cluster lets jobs run on beyond their limit (OverTimeLimit)", "the ceiling in GPU-hours may be exceeded by that much")
	}
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
	if c.Partition == "" {
		add("partition", executors.CheckSkipped, "the cluster's default", "")
		return
	}
	part, ok := p.Partitions[c.Partition]
	switch {
	case !ok:
		add("partition", executors.CheckFail, fmt.Sprintf("there is no partition %q", c.Partition), "there are "+strings.Join(slices.Sorted(maps.Keys(p.Partitions)), ", "))
	case part.MaxTime > 0 && longest > part.MaxTime:
		add("partition", executors.CheckFail, fmt.Sprintf("time limits reach %s, and %s allows %s", longest, c.Partition, part.MaxTime), "lower time_limit, or choose another partition")
	case part.Nodes < nodes:
		add("partition", executors.CheckFail, fmt.Sprintf("a run needs %d nodes, and %s has %d", nodes, c.Partition, part.Nodes), "choose another partition")
	case part.State != "UP":
		add("partition", executors.CheckWarn, fmt.Sprintf("%s is %s", c.Partition, part.State), "jobs wait until it is up")
	default:
		add("partition", executors.CheckOK, fmt.Sprintf("%s: %d nodes, %s", c.Partition, part.Nodes, part.Gres), "")
	}
}

func (c *Config) checkAccount(p *Profile, add adder) {
	switch {
	case len(p.Accounts) == 0:
		add("account", executors.CheckSkipped, "the accounting names no accounts of this user", "")
	case c.Account != "" && !slices.Contains(p.Accounts, c.Account):
		add("account", executors.CheckFail, fmt.Sprintf("account %q is not yours", c.Account), "yours are "+strings.Join(p.Accounts, ", "))
	default:
		add("account", executors.CheckOK, strings.Join(p.Accounts, ", "), "")
	}
	if p.MaxSubmit > 0 && c.MaxInQueue >= p.MaxSubmit {
		add("submit window", executors.CheckWarn, fmt.Sprintf("max_in_queue is %d, and you may have %d jobs in the queue", c.MaxInQueue, p.MaxSubmit), fmt.Sprintf("set max_in_queue = %d", max(1, p.MaxSubmit-1)))
	}
}
