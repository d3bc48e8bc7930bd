package slurm

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// fakeEnroot answers as enroot 4.1 does (src/runtime.sh: list is `ls -1` in
// ENROOT_DATA_PATH, remove -f deletes without a question), with a folder for each node.
const fakeEnroot = `#!/bin/bash
cd "$FAKE_NODES/${SLURMD_NODENAME:-.}" || exit 1
case $1 in
list) ls -1 ;;
remove) [ -d "$3" ] || { echo "[ERROR] No such file or directory: $PWD/$3" >&2; exit 1; }; rm -rf "./$3" ;;
version) echo 4.1.0 ;;
esac
`

// leftoversHost has the containers of a node, and Slurm's commands say that jobs 7 and
// 8 are in the queue and what the accounting knows.
func leftoversHost(t *testing.T, containers ...string) (env []string, left func() string) {
	t.Helper()
	bin, node, store := t.TempDir(), t.TempDir(), t.TempDir()
	for name, text := range map[string]string{
		"enroot": fakeEnroot,
		"squeue": "#!/bin/bash\n[ -z \"$FAKE_DOWN\" ] || exit 1\nprintf '%s\\n' ${FAKE_LIVE-7 8}\n",
		"sacct":  "#!/bin/bash\n[ \"$5\" != 21 ] || echo llmb-chat-0123\n[ \"$5\" != 22 ] || echo train\n",
		"srun":   "#!/bin/bash\nSLURMD_NODENAME=. exec \"${@: -3}\"\n",
	} {
		if err := os.WriteFile(filepath.Join(bin, name), []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	attempt := filepath.Join(store, "simulated", "runs", "f", "gold", "sample-1", "attempt-1")
	for _, dir := range append([]string{attempt}, containers...) {
		if !filepath.IsAbs(dir) {
			dir = filepath.Join(node, dir)
		}
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(attempt, "claim.23"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	env = []string{"PATH=" + bin + ":/usr/bin:/bin", "FAKE_NODES=" + node, "FAKE_DOWN=", "SLURM_JOB_ID=7", "SLURM_CLUSTER_NAME=gold", "SLURM_JOB_NODELIST=gb01", "LLMBENCH_STORE=" + store}
	return env, func() string {
		entries, err := os.ReadDir(node)
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, e := range entries {
			names = append(names, e.Name())
		}
		return strings.Join(names, " ")
	}
}

// Removed is what jobs of llmbench that are gone have left, and nothing else.
func TestSweep(t *testing.T) {
	gone := []string{
		"pyxis_llmbench-gold-5", "pyxis_6_llmbench-gold-6", // by name
		"pyxis_21.0", "pyxis_21_21.3", "pyxis_llmbench-21", // the accounting knows the job's name
		"pyxis_23.0", "pyxis_23_23.0", // a claim in the store
	}
	stays := []string{
		"pyxis_llmbench-gold-7", "pyxis_7.0", "pyxis_7_7.0", "pyxis_8_llmbench-gold-8", "pyxis_8.1", // in the queue
		"pyxis_22.0", "pyxis_24.0", "pyxis_24_24.1", // jobs of others
		"pyxis_llmbench-silver-5", "pyxis_llmbench-mine", "pyxis_pytorch", "llmbench-gold-5", "pyxis_llmbench-gold-5-copy", "pyxis_23", // other names
	}
	env, left := leftoversHost(t, append(gone, stays...)...)
	sweep := func(more ...string) string {
		cmd := exec.Command("bash", "-c", leftoversPart+"\nsweep")
		cmd.Env = append(env, more...)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		return string(out)
	}
	// Without an answer that holds this job nothing is known.
	for _, doubt := range []string{"FAKE_DOWN=1", "FAKE_LIVE=8", "FAKE_LIVE="} {
		if said := sweep(doubt); said != "" {
			t.Errorf("%s: removed %s", doubt, said)
		}
	}
	said := sweep()
	for _, name := range gone {
		if !strings.Contains(said, name+"\n") {
			t.Errorf("%s was not removed, or not told", name)
		}
	}
	for _, name := range stays {
		if !strings.Contains(" "+left()+" ", " "+name+" ") {
			t.Errorf("%s was removed", name)
		}
	}
	if n := len(strings.Fields(left())); n != len(stays) {
		t.Errorf("left: %s", left())
	}
}

// Whatever ends a job, its containers go, and what they were made of is told nothing.
func TestKeeper(t *testing.T) {
	for _, test := range []struct{ name, script, signal string }{
		{"success", "true", ""},
		{"failure", "false", ""},
		{"cancel", "sleep 60", "TERM"},
	} {
		t.Run(test.name, func(t *testing.T) {
			env, left := leftoversHost(t, "pyxis_7.0", "pyxis_7_7.1", "pyxis_llmbench-gold-7", "pyxis_21.0", "pyxis_8.0", "pyxis_70.0", "pyxis_llmbench-silver-77")
			dir := t.TempDir()
			keeper := (&Config{Container: &Container{}}).keeper(1)
			if err := os.WriteFile(filepath.Join(dir, "attempt"), nil, 0o644); err != nil {
				t.Fatal(err)
			}
			script := fmt.Sprintf("%s\n%s\ntrap 'kill \"$run\"' TERM\n%s &\nrun=$!\n: >began\nawait \"$run\"\ndismiss\n", commonPart, keeper, test.script)
			cmd := exec.Command("bash", "-c", script)
			cmd.Dir, cmd.Env = dir, env
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			if test.signal != "" {
				until(t, func() bool { _, err := os.Stat(filepath.Join(dir, "began")); return err == nil })
				exec.Command("kill", "-"+test.signal, fmt.Sprint(cmd.Process.Pid)).Run()
			}
			if err := cmd.Wait(); err != nil {
				t.Error(err)
			}
			if got := left(); got != "pyxis_70.0 pyxis_8.0 pyxis_llmbench-silver-77" {
				t.Errorf("left: %s", got)
			}
		})
	}
}
