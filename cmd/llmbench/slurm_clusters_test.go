package main

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/llmbench/llmbench/executors/slurm/slurmtest"
)

// Two clusters share a slurmdbd. The definitions name the one that this host does
// not belong to: its partition, its limits and its jobs are meant everywhere.
func TestOnSlurmTwoClusters(t *testing.T) {
	c, near := newCampaignOn(t, slurmtest.Options{Nodes: 1, Accounting: true})
	far := slurmtest.ForTest(t, slurmtest.Options{Nodes: 2, Beside: near, Name: "far", Partition: "distant"})
	t.Setenv("SLURM_CONF", filepath.Join(near.Dir, "slurm.conf"))
	t.Cleanup(func() { quiet(t, far) })

	define := func(cluster, account, partition string) {
		_, rest, _ := strings.Cut(rehearsal, "model \"maverick\"")
		c.define(fmt.Sprintf("executor \"slurm\" \"far\" {\n  cluster       = %q\n  account       = %q\n  partition     = %q\n  poll_interval = \"1s\"\n  launcher      = [\"llmbench\", \"trtllm-bench\"]\n}\n", cluster, account, partition) + "model \"maverick\"" + rest)
	}
	define("nosuch", "PERF", "distant")
	if out, code := c.llmbench("doctor", c.dir); code != 3 || !strings.Contains(out, `cluster "nosuch" does not answer`) {
		t.Errorf("doctor of a cluster that does not exist: exit %d", code)
	}
	define("far", "PERF", "distant")
	if out, code := c.llmbench("doctor", c.dir); code != 0 || !strings.Contains(out, "cluster far") || !strings.Contains(out, "distant: 2 nodes") {
		t.Errorf("doctor: exit %d", code)
	}
	if _, code := c.llmbench("apply", "-auto-approve", "-target=use_case=chat", c.dir); code != 0 {
		t.Errorf("apply: exit %d", code)
	}
	waitFor(t, func() bool { // slurmdbd learns of jobs later
		out, err := c.command("sacct", "-M", "far", "-X", "-n", "-P", "-o", "JobName,State").Output()
		return err == nil && strings.HasPrefix(string(out), "llmb-") && strings.Contains(string(out), "|COMPLETED")
	})
	if here := c.ids(); strings.TrimSpace(here) != "" {
		t.Errorf("the cluster of this host has jobs: %s", here)
	}

	// Without AccountingStorageEnforce sbatch takes any account: it is believed, and
	// that is said. Of partitions, hidden ones count, and lists are taken apart.
	if out, err := c.command("scontrol", "-M", "far", "update", "PartitionName=short", "Hidden=YES").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	define("far", "nosuch", "short,distant")
	out, code := c.llmbench("doctor", c.dir)
	if code != 0 || !strings.Contains(out, "`sbatch --test-only` accepts such a job") || !strings.Contains(out, "short,distant: 2 of them") {
		t.Errorf("doctor where sbatch knows better: exit %d", code)
	}
	if _, code := c.llmbench("apply", "-auto-approve", "-target=use_case=generation", c.dir); code != 0 {
		t.Errorf("apply where sbatch knows better: exit %d", code)
	}
	define("far", "PERF", "distant,nosuch")
	if out, code := c.llmbench("doctor", c.dir); code != 3 || !strings.Contains(out, `there is no partition "nosuch"`) || strings.Contains(out, "is believed") {
		t.Errorf("doctor where both refuse: exit %d", code)
	}
}
