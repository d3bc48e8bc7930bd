package trtllm

import (
	"bytes"
	"slices"

	"github.com/llmbench/llmbench/plan/failure"
)

// node looks in a line for the host of what was found, unless it is known or none is
// to blame.
func (s *search) node(line []byte) {
	if s.best.Node != "" || s.best.Everywhere {
		return
	}
	if s.best.Code == failure.NCCL || s.best.Code == failure.IMEX {
		s.best.Node = ncclHost(line)
	}
	for i := range s.Hosts {
		if h := &s.Hosts[i]; s.best.Node == "" && slices.Contains(h.Codes, s.best.Code) {
			s.best.Node = hostIn(line, h)
		}
	}
}

// hostIn is the host that stands in a line as h says.
func hostIn(line []byte, h *failure.Host) string {
	_, rest, ok := bytes.Cut(line, []byte(h.After))
	if !ok || containsAny(line, h.Unless) {
		return ""
	}
	if h.Before == "" {
		host, _, _ := bytes.Cut(rest, []byte(" "))
		return hostName(bytes.TrimRight(host, ".,:;"))
	}
	host, _, ok := bytes.Cut(rest, []byte(h.Before))
	if !ok {
		return ""
	}
	return hostName(host[bytes.LastIndexByte(host, ' ')+1:])
}

// ncclHost is HOST in "HOST:PID:TID [N] … NCCL WARN …".
func ncclHost(line []byte) string {
	if !bytes.Contains(line, ncclWarn) {
		return ""
	}
	host, rest, _ := bytes.Cut(line, []byte(":"))
	if _, end, ok := scanInt(rest, 0); !ok || end >= len(rest) || rest[end] != ':' {
		return ""
	}
	return hostName(host)
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
