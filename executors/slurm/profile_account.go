package slurm

import (
	"os"
	"os/user"
	"strconv"
	"strings"
	"time"
)

// A QOS is what a quality of service allows.
type QOS struct {
	// MaxTime is the longest time limit, 0 for none.
	MaxTime time.Duration `json:"max_time"`
	// MaxSubmit is how many jobs a user may have in the queue, 0 for no limit.
	MaxSubmit int `json:"max_submit"`
}

func userName() string {
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return os.Getenv("USER")
}

// associations reads the accounts of the user with their limits and QOS.
func (p *Profile) associations(out string) {
	for line := range strings.Lines(out) {
		f := strings.Split(strings.TrimSpace(line), "|")
		if len(f) < 3 {
			continue
		}
		if f[0] != "" {
			p.Accounts = append(p.Accounts, f[0])
		}
		p.MaxSubmit = lower(p.MaxSubmit, f[1])
		for _, name := range wordsOf(f[2]) {
			if p.QOS == nil {
				p.QOS = map[string]QOS{}
			}
			p.QOS[name] = QOS{}
		}
	}
}

// limits reads what each QOS allows.
func (p *Profile) limits(out string) {
	for line := range strings.Lines(out) {
		f := strings.Split(strings.TrimSpace(line), "|")
		if len(f) < 3 {
			continue
		}
		if _, mine := p.QOS[f[0]]; mine {
			p.QOS[f[0]] = QOS{MaxTime: slurmDuration(f[1]), MaxSubmit: lower(0, f[2])}
		}
	}
}

// lower is the lower of two limits, of which 0, and what is no number, is none.
func lower(limit int, text string) int {
	if n, err := strconv.Atoi(text); err == nil && n > 0 && (limit == 0 || n < limit) {
		return n
	}
	return limit
}
