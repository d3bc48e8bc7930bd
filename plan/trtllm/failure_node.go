package trtllm

import "bytes"

// node looks in a line for the host of what was found, unless it is known or no
// host's matter.
func (c *classifier) node(line []byte) {
	if c.best.Node != "" {
		return
	}
	switch c.best.Class {
	case "node_fail":
		// The host that a cancellation names is where the message came from: not
		// the one that failed.
		c.best.Node = wordAfter(line, "failed on node ", "Node failure on ", "STEPD TERMINATED ON ")
	case "host_oom", "container", "bus_error":
		c.best.Node = taskHost(line)
		if c.best.Node == "" && bytes.Contains(line, []byte("CANCELLED AT")) {
			c.best.Node = wordAfter(line, " ON ")
		}
	case "nccl":
		c.best.Node = ncclHost(line)
	}
}

// taskHost is HOST in "srun: error: HOST: task 3: …" and "… tasks 1-3: …".
func taskHost(line []byte) string {
	_, rest, ok := bytes.Cut(line, []byte("srun: error: "))
	if !ok {
		return ""
	}
	host, rest, _ := bytes.Cut(rest, []byte(": "))
	if !bytes.HasPrefix(rest, []byte("task")) {
		return ""
	}
	return hostName(host)
}

// ncclHost is HOST in "HOST:PID:TID [N] … NCCL WARN …".
func ncclHost(line []byte) string {
	if !bytes.Contains(line, []byte(" NCCL WARN ")) {
		return ""
	}
	host, rest, _ := bytes.Cut(line, []byte(":"))
	if _, end, ok := scanInt(rest, 0); !ok || end >= len(rest) || rest[end] != ':' {
		return ""
	}
	return hostName(host)
}

// wordAfter is the host behind the first of the marks that the line has.
func wordAfter(line []byte, marks ...string) string {
	for _, m := range marks {
		if _, rest, ok := bytes.Cut(line, []byte(m)); ok {
			host, _, _ := bytes.Cut(rest, []byte(" "))
			return hostName(bytes.TrimRight(host, ".,:;"))
		}
	}
	return ""
}

// hostName is a name if it may be a host's, "" if not.
func hostName(b []byte) string {
	const longest = 253
	if len(b) == 0 || len(b) > longest {
		return ""
	}
	letters := false
	for _, c := range b {
		letter := 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
		if !letter && (c < '0' || c > '9') && c != '-' && c != '.' && c != '_' {
			return ""
		}
		letters = letters || letter || c >= '0' && c <= '9'
	}
	if !letters {
		return ""
	}
	return string(b)
}
