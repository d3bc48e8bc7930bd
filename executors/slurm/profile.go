package slurm

import (
	"context"
	"strconv"
	"strings"
	"time"
)

// A Profile is what a cluster is and allows, as its commands tell. What could
// not be had is the zero value.
type Profile struct {
	Probed  time.Time `json:"probed"`
	Cluster string    `json:"cluster"`
	Version string    `json:"version"` // of Slurm
	// Accounting is the storage type, "accounting_storage/none" for none.
	Accounting string `json:"accounting"`
	// MPI lists the plugins that srun --mpi=list names.
	MPI []string `json:"mpi"`
	// Pyxis says that srun has container options, Segment that sbatch has
	// --segment.
	Pyxis   bool `json:"pyxis"`
	Segment bool `json:"segment"`
	// MaxSubmit is how many jobs the user may have in the queue, 0 for no limit
	// that is known.
	MaxSubmit int `json:"max_submit"`
	// QOS are those that the user's accounts may use, by name; nil where the
	// accounting does not tell.
	QOS map[string]QOS `json:"qos"`
	// GRES lists the types of generic resources. Select, Topology and Preempt are
	// the plugins, or PreemptMode, as the configuration names them.
	GRES     []string `json:"gres"`
	Select   string   `json:"select"`
	Topology string   `json:"topology"`
	Preempt  string   `json:"preempt"`
	// EnforceLimits says that sbatch refuses what a partition never starts;
	// RateLimited, that the controller refuses users who ask too often.
	EnforceLimits bool `json:"enforce_limits"`
	RateLimited   bool `json:"rate_limited"`
	// MinJobAge is for how long the controller remembers jobs that ended,
	// MessageTimeout how long a command waits for it, KillWait what a job has
	// between SIGTERM and SIGKILL; in seconds.
	MinJobAge      int `json:"min_job_age"`
	MessageTimeout int `json:"message_timeout"`
	KillWait       int `json:"kill_wait"`
	// MaxJobs is how many jobs the controller knows at most, of all users.
	MaxJobs int `json:"max_jobs"`
	// OverTimeLimit is for how many minutes jobs run on beyond their limit, -1 for
	// ever.
	OverTimeLimit int      `json:"over_time_limit"`
	Accounts      []string `json:"accounts"`
	// Partitions are by name.
	Partitions map[string]Partition `json:"partitions"`
}

// A Partition is one of a cluster's.
type Partition struct {
	// MaxTime is the longest time limit, 0 for none.
	MaxTime time.Duration `json:"max_time"`
	Nodes   int           `json:"nodes"`
	Default bool          `json:"default"`
	State   string        `json:"state"`
	Gres    string        `json:"gres"`
}

// probeTimeout is how long one question to the cluster may take.
const probeTimeout = 15 * time.Second

// NewProfile asks the cluster of this host. Each question that is not answered
// leaves its part out.
func NewProfile(ctx context.Context, r Runner) *Profile {
	p := &Profile{Probed: time.Now().UTC(), Partitions: map[string]Partition{}}
	ask := func(argv ...string) string {
		out, err := r.Run(ctx, probeTimeout, "", argv...)
		if err != nil {
			return ""
		}
		return out
	}
	p.configuration(ask("scontrol", "show", "config"))
	p.MPI = mpiTypes(ask("srun", "--mpi=list"))
	p.Pyxis = strings.Contains(ask("srun", "--help"), "--container-image")
	p.Segment = strings.Contains(ask("sbatch", "--help"), "--segment")
	p.partitions(ask("scontrol", "-o", "show", "partition"), ask("sinfo", "-h", "-o", "%R|%G"))
	if p.Accounting != "" && !strings.HasSuffix(p.Accounting, "/none") {
		p.associations(ask("sacctmgr", "-n", "-P", "show", "assoc", "user="+userName(), "format=account,maxsubmit,qos"))
		p.limits(ask("sacctmgr", "-n", "-P", "show", "qos", "format=name,maxwall,maxsubmitpu"))
	}
	return p
}

// Ask runs commands of this host's Slurm for NewProfile.
func Ask() Runner { return processes{} }

func (p *Profile) configuration(out string) {
	for line := range strings.Lines(out) {
		name, value, ok := strings.Cut(line, "=")
		if !ok {
			continue
		}
		value = strings.TrimSpace(value)
		switch strings.TrimSpace(name) {
		case "ClusterName":
			p.Cluster = value
		case "SLURM_VERSION":
			p.Version = value
		case "AccountingStorageType":
			p.Accounting = value
		case "OverTimeLimit":
			p.OverTimeLimit = overTime(value)
		case "GresTypes":
			p.GRES = wordsOf(value)
		case "SelectType":
			p.Select = value
		case "TopologyPlugin":
			p.Topology = value
		case "PreemptMode":
			p.Preempt = value
		case "EnforcePartLimits":
			p.EnforceLimits = value != "NO"
		case "SlurmctldParameters":
			p.RateLimited = strings.Contains(value, "rl_enable")
		case "MinJobAge":
			p.MinJobAge = firstNumber(value)
		case "MessageTimeout":
			p.MessageTimeout = firstNumber(value)
		case "KillWait":
			p.KillWait = firstNumber(value)
		case "MaxJobCount":
			p.MaxJobs = firstNumber(value)
		}
	}
}

func overTime(value string) int {
	if strings.HasPrefix(value, "UNLIMITED") {
		return -1
	}
	return firstNumber(value)
}

// firstNumber is N of "N sec", 0 where there is none.
func firstNumber(value string) int {
	word, _, _ := strings.Cut(value, " ")
	n, _ := strconv.Atoi(word)
	return n
}

// wordsOf splits at commas; "(null)" is nothing.
func wordsOf(value string) []string {
	if value == "" || value == "(null)" {
		return nil
	}
	return strings.Split(value, ",")
}
