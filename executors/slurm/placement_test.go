package slurm

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// The job records the blocks of its nodes, and whether one was asked for. The
// answers are in the forms of src/plugins/topology/block/topology_block.c and
// src/api/partition_info.c of Slurm 24.05 and 25.05.
func TestPlacementIsRecorded(t *testing.T) {
	const scontrol = `case "$*" in
'-o show partition gb200') echo 'PartitionName=gb200 PreemptMode=OFF%s State=UP' ;;
'show topology%s') printf 'BlockName=rack1 BlockIndex=0 Nodes=nvl72d001-T[01-02]%[3]s\nBlockName=rack2 BlockIndex=1 Nodes=nvl72d002-T[01-02]%[3]s\nAggregatedBlock=rack[1-2] BlockIndex=2 Nodes=nvl72d[001-002]-T[01-02]%[3]s\n' ;;
'show hostnames nvl72d001-T[01-02]') printf 'nvl72d001-T01\nnvl72d001-T02\n' ;;
'show hostnames nvl72d002-T[01-02]') printf 'nvl72d002-T01\nnvl72d002-T02\n' ;;
'show hostnames nvl72d[001-002]-T01') printf 'nvl72d001-T01\nnvl72d002-T01\n' ;;
esac`
	for _, c := range []struct{ name, partition, topology, size, nodes, want string }{
		{"24.05, one block", "", "", "", "nvl72d001-T[01-02]", "placement=rack1\nsegment=2\n"},
		{"25.05, two blocks", " Topology=racks", " racks", " BlockSize=2", "nvl72d[001-002]-T01", "placement=rack1 rack2\nsegment=2\n"},
		{"no blocks", "", " none", "", "nvl72d001-T[01-02]", "placement=\nsegment=2\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg, run := testConfig(), testRun("true")
			cfg.Segment, run.Hardware.Nodes, run.Hardware.GPUs = true, 2, 8
			job := cfg.Job(run)
			dir, bin := t.TempDir(), t.TempDir()
			for name, text := range map[string]string{"attempt": "LLMBENCH_NONCE=n\nLLMBENCH_ATTEMPT=" + dir + "\n", "script.sh": job.Script} {
				if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			fake(t, bin, "srun", "true")
			fake(t, bin, "scontrol", strings.NewReplacer("OFF%s", "OFF"+c.partition, "topology%s", "topology"+c.topology, "%[3]s", c.size).Replace(scontrol))
			cmd := exec.Command("bash", "script.sh")
			cmd.Dir, cmd.Env = dir, []string{"PATH=" + bin + ":/usr/bin:/bin", "SLURM_JOB_ID=7", "SLURM_JOB_NUM_NODES=2", "SLURM_JOB_PARTITION=gb200", "SLURM_JOB_NODELIST=" + c.nodes}
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			if b, err := os.ReadFile(filepath.Join(dir, "observed")); err != nil || !strings.Contains(strings.ReplaceAll(string(b), " \n", "\n"), c.want) {
				t.Errorf("%v: %s, want %s", err, b, c.want)
			}
		})
	}
}
