package slurm

import (
	"cmp"
	"context"
	"fmt"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A Profile is what a cluster is and allows, as its commands tell. What could
// not be had is the zero value.
type Profile struct {
	// Form is profileForm; what a store remembers in another form is asked for
	// again.
	Form    int       `json:"form"`
	Probed  time.Time `json:"probed"`
	Cluster string    `json:"cluster"`
	Version string    `json:"version"` // of Slurm
	// Accounting is the storage type; see Profile.accounts.
	Accounting string `json:"accounting"`
	// MPI lists the plugins that srun --mpi=list names.
	MPI []string `json:"mpi"`
	// Pyxis says that srun has container options.
	Pyxis bool `json:"pyxis"`
	// Associations are those of the user on this cluster, DefaultAccount his.
	Associations   []Association `json:"associations"`
	DefaultAccount string        `json:"default_account"`
	// QOS are all of them, by name; nil where the accounting does not tell.
	QOS map[string]QOS `json:"qos"`
	// GRES lists the types of generic resources. Select and Preempt are the plugin
	// and PreemptMode, as the configuration names them.
	GRES    []string `json:"gres"`
	Select  string   `json:"select"`
	Preempt string   `json:"preempt"`
	// Topologies are by name; "" is the cluster's own.
	Topologies map[string]Topology `json:"topologies"`
	// EnforceLimits is EnforcePartLimits: NO, ANY or ALL.
	EnforceLimits string `json:"enforce_limits"`
	// RateLimited says that the controller refuses users who ask too often: after
	// RateBucket commands, RateRefill a second.
	RateLimited bool    `json:"rate_limited"`
	RateBucket  int     `json:"rate_bucket"`
	RateRefill  float64 `json:"rate_refill"`
	// MinJobAge is for how long the controller remembers jobs that ended,
	// MessageTimeout how long a command waits for it, KillWait what a job has
	// between SIGTERM and SIGKILL; in seconds.
	MinJobAge      int `json:"min_job_age"`
	MessageTimeout int `json:"message_timeout"`
	KillWait       int `json:"kill_wait"`
	// OverTimeLimit is for how many minutes jobs run on beyond their limit, -1 for
	// ever.
	OverTimeLimit int `json:"over_time_limit"`
	// Partitions are by name, hidden ones too.
	Partitions map[string]Partition `json:"partitions"`

	// Silence is why the controller does not answer.
	Silence string `json:"-"`
}

// profileForm counts the forms of Profile.
const profileForm = 2

// A Partition is one of a cluster's.
type Partition struct {
	Name string `json:"-"`
	// MaxTime is the longest time limit, 0 for none.
	MaxTime time.Duration `json:"max_time"`
	Nodes   int           `json:"nodes"`
	Default bool          `json:"default"`
	State   string        `json:"state"`
	Gres    string        `json:"gres"`
	// QOS is the partition's own, "" for none; Topology the name of its topology,
	// "" for the cluster's.
	QOS      string `json:"qos"`
	Topology string `json:"topology"`
}

// probe asks the cluster of c for its profile, which c keeps. Each question that is not
// answered leaves its part out; where the controller does not answer, nothing more is
// asked. remembered, if not nil, may know the cluster already, by its name.
func (c *Config) probe(ctx context.Context, remembered func(cluster string, profile any) bool) *Profile {
	s := c.client(nil)
	p := &Profile{Form: profileForm, Probed: time.Now().UTC(), Cluster: c.Cluster, Partitions: map[string]Partition{}, Topologies: map[string]Topology{}}
	c.profile = p
	if _, err := exec.LookPath("sbatch"); err != nil && c.runner == nil || c.recall(p.Cluster, remembered) {
		return c.profile
	}
	p.Cluster = ""
	out, err := s.config(ctx)
	p.configuration(out)
	if p.Cluster == "" && err != nil {
		p.Silence = err.Error()
	}
	if p.Cluster == "" || c.recall(p.Cluster, remembered) {
		return c.profile
	}
	s.survey(ctx, p)
	return p
}

// profileAge is for how long a cluster is taken to be as it was.
const profileAge = 24 * time.Hour

// recall takes the profile of a cluster that is remembered in this version's form and is
// not old.
func (c *Config) recall(cluster string, remembered func(cluster string, profile any) bool) bool {
	var p Profile
	if remembered == nil || cluster == "" || !remembered(cluster, &p) || p.Form != profileForm || time.Since(p.Probed) > profileAge {
		return false
	}
	c.profile = &p
	return true
}

// accounts reports whether there is an accounting to ask. Up to 25.05 no
// accounting is called accounting_storage/none, from 25.11 on (null).
func (p *Profile) accounts() bool {
	return p.Accounting != "" && p.Accounting != "(null)" && !strings.HasSuffix(p.Accounting, "/none")
}

// accountNames are the accounts that the user has, each once.
func (p *Profile) accountNames() []string {
	var names []string
	for _, a := range p.Associations {
		if a.Account != "" && !slices.Contains(names, a.Account) {
			names = append(names, a.Account)
		}
	}
	return names
}

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
			p.OverTimeLimit = firstNumber(value)
			if strings.HasPrefix(value, "UNLIMITED") {
				p.OverTimeLimit = -1
			}
		case "GresTypes":
			p.GRES = wordsOf(value)
		case "SelectType":
			p.Select = value
		case "TopologyPlugin":
			p.Topologies[""] = Topology{Kind: strings.TrimPrefix(value, "topology/")}
		case "PreemptMode":
			p.Preempt = value
		case "EnforcePartLimits":
			p.EnforceLimits = value
		case "SlurmctldParameters":
			p.rateLimit(value)
		case "MinJobAge":
			p.MinJobAge = firstNumber(value)
		case "MessageTimeout":
			p.MessageTimeout = firstNumber(value)
		case "KillWait":
			p.KillWait = firstNumber(value)
		}
	}
}

// rateLimit reads the bucket of each user, with Slurm's defaults for what is not
// set.
func (p *Profile) rateLimit(parameters string) {
	size, rate, period := 30, 2, 1
	for word := range strings.SplitSeq(parameters, ",") {
		name, value, _ := strings.Cut(word, "=")
		set := func(to *int) {
			if n, err := strconv.Atoi(value); err == nil && n > 0 {
				*to = n
			}
		}
		switch name {
		case "rl_enable":
			p.RateLimited = true
		case "rl_bucket_size":
			set(&size)
		case "rl_refill_rate":
			set(&rate)
		case "rl_refill_period":
			set(&period)
		}
	}
	if p.RateLimited {
		p.RateBucket, p.RateRefill = size, float64(rate)/float64(period)
	}
}

// firstNumber is N of "N sec", 0 where there is none.
func firstNumber(value string) (n int) {
	_, _ = fmt.Sscan(value, &n)
	return n
}

// wordsOf splits at commas; "(null)" is nothing.
func wordsOf(value string) []string {
	if value == "" || value == "(null)" {
		return nil
	}
	return strings.Split(value, ",")
}

// mpiTypes reads the list of srun --mpi=list, of old and of new: a heading, a plugin a
// line, and at last the versions of pmix.
func mpiTypes(out string) []string {
	var list []string
	for line := range strings.Lines(out) {
		if _, after, ok := strings.Cut(line, ": "); ok {
			line = after
		}
		if line = strings.TrimSpace(line); !strings.HasSuffix(line, "...") {
			list = append(list, strings.FieldsFunc(line, func(r rune) bool { return r == ',' || r == ' ' })...)
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
		fields := keyValues(line)
		name := fields["PartitionName"]
		if name == "" {
			continue
		}
		nodes, _ := strconv.Atoi(fields["TotalNodes"])
		qos := fields["QoS"]
		if qos == "N/A" {
			qos = ""
		}
		p.Partitions[name] = Partition{
			MaxTime: slurmDuration(fields["MaxTime"]), Nodes: nodes, State: fields["State"], Gres: byName[name], Default: fields["Default"] == "YES",
			QOS: qos, Topology: fields["Topology"],
		}
	}
}

// slurmDuration reads [days-]hours:minutes:seconds, 0 for UNLIMITED.
func slurmDuration(s string) time.Duration {
	var days, h, m, sec int
	if _, err := fmt.Sscanf(s, "%d-%d:%d:%d", &days, &h, &m, &sec); err != nil {
		days = 0
		if _, err := fmt.Sscanf(s, "%d:%d:%d", &h, &m, &sec); err != nil {
			return 0
		}
	}
	return time.Duration(((days*24+h)*60+m)*60+sec) * time.Second
}

// An Association is what an account gives the user, in one partition or, where
// that is "", in all.
type Association struct {
	Account   string `json:"account"`
	Partition string `json:"partition"`
	// MaxSubmit is how many jobs the user may have in the queue, 0 for no limit.
	MaxSubmit int `json:"max_submit"`
	// QOS are those that may be asked for; DefaultQOS is "" where none is set.
	QOS        []string `json:"qos"`
	DefaultQOS string   `json:"default_qos"`
}

// A QOS is what a quality of service allows.
type QOS struct {
	// MaxTime is the longest time limit, 0 for none.
	MaxTime time.Duration `json:"max_time"`
	// MaxSubmit is how many jobs the user may have in the queue, his own or with
	// others together, 0 for no limit.
	MaxSubmit int `json:"max_submit"`
}

// associations reads account|partition|maxsubmit|qos|defaultqos.
func (p *Profile) associations(out string) {
	for line := range strings.Lines(out) {
		f := strings.Split(strings.TrimSpace(line), "|")
		if len(f) < 5 || f[0] == "" {
			continue
		}
		p.Associations = append(p.Associations, Association{Account: f[0], Partition: f[1], MaxSubmit: lower(0, f[2]), QOS: wordsOf(f[3]), DefaultQOS: f[4]})
	}
}

// limits reads name|maxwall|maxsubmitpu|maxsubmitpa|grpsubmit.
func (p *Profile) limits(out string) {
	for line := range strings.Lines(out) {
		f := strings.Split(strings.TrimSpace(line), "|")
		if len(f) < 5 {
			continue
		}
		if p.QOS == nil {
			p.QOS = map[string]QOS{}
		}
		p.QOS[f[0]] = QOS{MaxTime: slurmDuration(f[1]), MaxSubmit: lower(lower(lower(0, f[2]), f[3]), f[4])}
	}
}

// lower is the lower of two limits, of which 0, and what is no number, is none.
func lower(limit int, text string) int {
	if n, err := strconv.Atoi(text); err == nil && n > 0 && (limit == 0 || n < limit) {
		return n
	}
	return limit
}

// mine are the associations that jobs of the executor fall under. Slurm writes
// accounts in small letters, whatever the user writes.
func (c *Config) mine() []Association {
	p := c.profile
	account := cmp.Or(c.Account, p.DefaultAccount)
	return slices.DeleteFunc(slices.Clone(p.Associations), func(a Association) bool {
		return !strings.EqualFold(a.Account, account) || a.Partition != "" && !slices.Contains(strings.Split(c.Partition, ","), a.Partition)
	})
}

// qosOf is the QOS of the executor's jobs: the block's, else the association's,
// "" where it is not known.
func (c *Config) qosOf() string {
	if c.QOS != "" {
		return c.QOS
	}
	for _, a := range c.mine() {
		switch {
		case a.DefaultQOS != "":
			return a.DefaultQOS
		case len(a.QOS) == 1:
			return a.QOS[0]
		}
	}
	return ""
}

// window is how many jobs may be in the queue at once: max_in_queue, or what the
// account, the QOS or the partition's QOS lets the user submit if that is less.
func (c *Config) window() int {
	p := c.profile
	limits := []int{p.QOS[c.qosOf()].MaxSubmit}
	for _, a := range c.mine() {
		limits = append(limits, a.MaxSubmit)
	}
	for _, part := range c.partitions() {
		limits = append(limits, p.QOS[part.QOS].MaxSubmit)
	}
	most := c.MaxInQueue
	for _, limit := range limits {
		if limit > 0 {
			most = min(most, limit)
		}
	}
	return most
}
