package slurm

import (
	"strconv"
	"strings"
	"time"
)

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
