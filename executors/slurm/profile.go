package slurm

import (
	"context"
	"os"
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
		p.associations(ask("sacctmgr", "-n", "-P", "show", "assoc", "user="+os.Getenv("USER"), "format=account,maxsubmit"))
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
		}
	}
}

func overTime(value string) int {
	word, _, _ := strings.Cut(value, " ")
	if word == "UNLIMITED" {
		return -1
	}
	n, _ := strconv.Atoi(word)
	return n
}

// mpiTypes reads the list of srun --mpi=list, of old and of new.
func mpiTypes(out string) []string {
	var list []string
	for line := range strings.Lines(out) {
		line = strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(line), "srun:"))
		if line == "" || strings.Contains(line, " ") {
			line = strings.TrimPrefix(line, "specific pmix plugin versions available: ")
		}
		for word := range strings.FieldsFuncSeq(line, func(r rune) bool { return r == ',' || r == ' ' }) {
			if !strings.HasSuffix(word, "...") && word != "MPI" && word != "plugin" && word != "types" && word != "are" {
				list = append(list, word)
			}
		}
	}
	return list
}

func (p *Profile) partitions(show, gres string) {
	byName := map[string]string{}
	for line := range strings.Lines(gres) {
		if name, g, ok := strings.Cut(strings.TrimSpace(line), "|"); ok {
			byName[name] = g
		}
	}
	for line := range strings.Lines(show) {
		fields := map[string]string{}
		for word := range strings.FieldsSeq(line) {
			if k, v, ok := strings.Cut(word, "="); ok {
				fields[k] = v
			}
		}
		name := fields["PartitionName"]
		if name == "" {
			continue
		}
		nodes, _ := strconv.Atoi(fields["TotalNodes"])
		p.Partitions[name] = Partition{MaxTime: slurmDuration(fields["MaxTime"]), Nodes: nodes, State: fields["State"], Gres: byName[name]}
	}
}

// slurmDuration reads [days-]hours:minutes:seconds, 0 for UNLIMITED.
func slurmDuration(s string) time.Duration {
	days, clock, ok := strings.Cut(s, "-")
	if !ok {
		days, clock = "0", s
	}
	parts := strings.Split(clock, ":")
	if len(parts) != 3 {
		return 0
	}
	sum := time.Duration(0)
	for i, unit := range []time.Duration{time.Hour, time.Minute, time.Second} {
		n, err := strconv.Atoi(parts[i])
		if err != nil {
			return 0
		}
		sum += time.Duration(n) * unit
	}
	d, _ := strconv.Atoi(days)
	return sum + time.Duration(d)*24*time.Hour
}

func (p *Profile) associations(out string) {
	for line := range strings.Lines(out) {
		account, most, _ := strings.Cut(strings.TrimSpace(line), "|")
		if account != "" {
			p.Accounts = append(p.Accounts, account)
		}
		if n, err := strconv.Atoi(most); err == nil && n > 0 && (p.MaxSubmit == 0 || n < p.MaxSubmit) {
			p.MaxSubmit = n
		}
	}
}
