package slurm

import "strings"

// An answer is what a failed sbatch means for the job.
type answer int

const (
	ambiguous answer = iota // a job may exist
	rejected                // none exists, and none will as it stands
	full                    // none exists; the queue is full for this user
)

// answers are the words of Slurm's commands, tried in order. Words that are not
// listed are ambiguous unless they say that the submission failed.
var answers = []struct {
	words  string
	means  answer
	remedy string
}{
	{"Socket timed out", ambiguous, ""},
	{"Unable to contact slurm controller", ambiguous, ""},
	{"Zero Bytes were transmitted", ambiguous, ""},
	{"Rate limit exceeded", ambiguous, ""},
	{"Connection refused", ambiguous, ""},
	{"Slurm temporarily unable to accept job", ambiguous, ""},
	{"QOSMaxSubmitJobPerUserLimit", full, ""},
	{"AssocMaxSubmitJobLimit", full, ""},
	{"violates accounting/QOS policy", full, ""},
	{"Invalid account", rejected, "`sacctmgr show assoc user=$USER` lists your accounts"},
	{"Invalid qos", rejected, "`sacctmgr show assoc user=$USER format=account,qos` lists your QOS"},
	{"not permitted to use this partition", rejected, "choose another partition"},
	{"invalid partition", rejected, "`sinfo` lists the partitions"},
	{"Invalid node name", rejected, "`sinfo -N` lists the nodes"},
	{"node configuration is not available", rejected, "no node has that many GPUs, tasks or memory; `sinfo -o '%P %G %c %m %D'` shows what there is"},
	{"Invalid generic resource", rejected, "the cluster names its GPUs otherwise; try gpus_per_node_flag = false with extra_args = [\"--gres=…\"]"},
	{"Invalid --segment", rejected, "set segment = false"},
	{"topology configuration is not available", rejected, "set segment = false, or use fewer nodes"},
	{"time limit is invalid", rejected, "set time_limit below the partition's limit"},
	{"Time limit specification required", rejected, "set time_limit"},
	{"unrecognized option", rejected, "this cluster's sbatch does not know the option; switch its argument off"},
	{"Invalid authentication credential", rejected, "munge does not work on this host; use another login node"},
	{"Access denied to requested reservation", rejected, "check the reservation's users"},
	{"requested reservation is invalid", rejected, "`scontrol show reservation` lists the reservations"},
	{"Batch job submission failed", rejected, ""},
	{"sbatch: error:", rejected, ""},
}

// classify says what a failed sbatch means, and what to do about a refusal.
func classify(stderr string) (answer, string) {
	text := strings.ToLower(stderr)
	for _, a := range answers {
		if strings.Contains(text, strings.ToLower(a.words)) {
			return a.means, a.remedy
		}
	}
	return ambiguous, ""
}
