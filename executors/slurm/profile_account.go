package slurm

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"
)

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
