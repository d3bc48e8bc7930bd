package slurm

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// A Topology is how nodes are joined: block, tree, flat or another plugin's name.
type Topology struct {
	Kind string `json:"kind"`
	// Blocks are the nodes of each block, as Slurm writes them.
	Blocks map[string]string `json:"blocks"`
}

// topologies reads the cluster's own topology, and asks for those that partitions
// name, which they do from 25.05 on.
func (p *Profile) topologies(ctx context.Context, s *client, own string) {
	if t := parseTopology(own); t.Kind != "" {
		p.Topologies[""] = t
	}
	for _, part := range p.Partitions {
		if _, known := p.Topologies[part.Topology]; known {
			continue
		}
		if out, err := s.topology(ctx, part.Topology); err == nil {
			p.Topologies[part.Topology] = parseTopology(out)
		}
	}
}

// parseTopology reads `scontrol show topology`: BlockName= lines for blocks, and
// SwitchName= lines for trees; other plugins print nothing.
func parseTopology(out string) Topology {
	t := Topology{}
	for line := range strings.Lines(out) {
		fields := keyValues(line)
		switch {
		case fields["BlockName"] != "":
			t.Kind = "block"
			if t.Blocks == nil {
				t.Blocks = map[string]string{}
			}
			t.Blocks[fields["BlockName"]] = fields["Nodes"]
		case fields["SwitchName"] != "" && t.Kind == "":
			t.Kind = "tree"
		}
	}
	return t
}

// atLeast reports whether the cluster's Slurm is of a release or later.
func (p *Profile) atLeast(major, minor int) bool {
	parts := strings.Split(p.Version, ".")
	if len(parts) < 2 {
		return false
	}
	a, errA := strconv.Atoi(parts[0])
	b, errB := strconv.Atoi(parts[1])
	return errA == nil && errB == nil && (a > major || a == major && b >= minor)
}

const noAnswer = "Slurm does not answer on this host"

// keepsBlocks says why --segment does not keep the nodes of a job in one block of
// the executor's partitions; "" where it does.
func (c *Config) keepsBlocks() string {
	p := c.profile
	if p.Version == "" {
		return noAnswer
	}
	if !p.atLeast(24, 5) {
		return fmt.Sprintf("Slurm %s has no --segment, which came with 24.05", p.Version)
	}
	parts := c.partitions()
	if len(parts) == 0 {
		return "the topology of the partition is not known"
	}
	for _, part := range parts {
		if kind := p.Topologies[part.Topology].Kind; kind != "block" {
			return fmt.Sprintf("the topology of partition %s is %s, not block", part.name, cmp.Or(kind, "flat"))
		}
	}
	return ""
}

// Domain implements executors.Scheduler.
func (c *Config) Domain() string {
	p := c.profile
	if c.InAllocation {
		return "one NVLink domain if the nodes of this allocation are: llmbench does not choose them"
	}
	why := c.keepsBlocks()
	switch {
	case c.Segment && why == "":
		return fmt.Sprintf("one NVLink domain, kept by --segment: Slurm %s has it, and the topology of %s is block", p.Version, c.partitionWords())
	case c.Segment:
		return fmt.Sprintf("one NVLink domain if the cluster has --segment: segment = true, and %s", why)
	case why == "":
		return "not kept in one NVLink domain: segment = false"
	case why == noAnswer:
		return "not known to be in one NVLink domain: " + why + "; --segment is left out"
	}
	return "not kept in one NVLink domain: " + why + "; --segment is left out"
}

// partitionWords names the executor's partitions.
func (c *Config) partitionWords() string {
	var names []string
	for _, part := range c.partitions() {
		names = append(names, part.name)
	}
	slices.Sort(names)
	if len(names) == 1 {
		return "partition " + names[0]
	}
	return "partitions " + strings.Join(names, ", ")
}
