package trtllm

import (
	"bytes"
	"regexp"
)

// isMild reports whether a line says itself that it is no error: by the level of a
// logger of TensorRT-LLM, of glog or c10d, or of Python.
func isMild(level byte, text []byte) bool {
	switch level {
	case 0:
		return mild.Match(text) && !bytes.Contains(text, ncclWarn) // its signatures have grades
	case 'E', 'F', 'C':
		return false
	}
	return true
}

var ncclWarn = []byte(" NCCL WARN ")

// mild matches "[W1103 10:00:00.125 socket.cpp:755] …", "W0302 08:10:02.1 …",
// "WARNING:root:…", "… - WARNING - …", "/a/b.py:12: UserWarning: …" and the like.
var mild = regexp.MustCompile(`^\[?[WI]\d{3,4} \d\d:|^\[?(?:WARN|WARNING|INFO|DEBUG)\b|[\s\[|-](?:WARN|WARNING|INFO|DEBUG)[\s\]|:-]+|^\S+:\d+: \w*Warning: `)

// callsItselfAnError reports whether a line begins as an error does, by its logger's
// level, in CUDA's words or in those of an exception.
func callsItselfAnError(level byte, line []byte) bool {
	switch level {
	case 'E', 'F', 'C':
		return true
	case 0:
		return anError.Match(line) && !mild.Match(line)
	}
	return false
}

var anError = regexp.MustCompile(`^(?:CUDA error|\[?[EF]\d{3,4} \d\d:|\[?(?:ERROR|FATAL|CRITICAL)\b|[Ff]atal error\b|(?:[A-Za-z_]\w*\.)*[A-Z]\w*(?:Error|Exception): )`)

// isException reports whether a line is the last of a traceback: the name of an
// exception, with or without its text.
func isException(line []byte) bool {
	return exception.Match(line) && !bytes.HasPrefix(line, []byte("Loading"))
}

var exception = regexp.MustCompile(`^(?:(?:[A-Za-z_]\w*\.)+[A-Za-z_]\w*|[A-Za-z_]\w*(?:Error|Exception|Exit|Interrupt|Group|Warning|Failure|Timeout|Iteration)|Exception)(?:: |:?$)`)
