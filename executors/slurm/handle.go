package slurm

import (
	"fmt"
	"strings"

	"github.com/llmbench/llmbench/executors"
)

// A handle in parts: slurm:CLUSTER:JOBID:NAME. Cluster is "-" where none has to
// be named.
type handle struct{ cluster, id, name string }

func (h handle) String() executors.Handle {
	return executors.Handle(fmt.Sprintf("%s:%s:%s:%s", Type, or(h.cluster, "-"), h.id, h.name))
}

func parseHandle(h executors.Handle) (handle, error) {
	parts := strings.SplitN(string(h), ":", 4)
	if len(parts) != 4 || parts[0] != Type || !isID(parts[2]) {
		return handle{}, fmt.Errorf("%q is not the handle of a Slurm job", h)
	}
	return handle{cluster: parts[1], id: parts[2], name: parts[3]}, nil
}

func isID(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}
