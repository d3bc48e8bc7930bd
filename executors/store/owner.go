package store

import (
	"errors"
	"fmt"
	"os"
	"os/user"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/llmbench/llmbench/executors/jobdir"
)

// An Owner is the process that holds a lease.
type Owner struct {
	User string `json:"user"`
	Host string `json:"host"`
	PID  int    `json:"pid"`
	// Birth is when the kernel started the process, in its own units, and
	// Namespace the space that PID is counted in: a number alone is given again.
	Birth     string `json:"birth"`
	Namespace string `json:"namespace"`
	BootID    string `json:"boot_id"`
	// Machine tells hosts of one name apart, "" if not known.
	Machine string `json:"machine_id,omitempty"`
	Nonce   string `json:"nonce"`
	// Command is what the process was asked to do, for people.
	Command string    `json:"command"`
	Started time.Time `json:"started"`
}

// Self describes this process as an owner. Nonce and Started are filled in by
// Acquire.
func Self(command string) Owner {
	o := Owner{User: userName(), PID: os.Getpid(), Command: command, Birth: birth(os.Getpid())}
	o.Host, o.Namespace, o.BootID = jobdir.Place()
	id, _ := os.ReadFile("/etc/machine-id")
	o.Machine = strings.TrimSpace(string(id))
	return o
}

// userName is the name of the user of this process, or the number.
func userName() string {
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return strconv.Itoa(os.Getuid())
}

// gone reports whether o certainly lives no more, as self can tell: it was on
// this host, and the host was booted since or has no such process. A host is this
// one by its boot, or by its machine id; another may have its name.
func (o Owner) gone(self Owner) bool {
	switch {
	case o.Host == "" || o.Host != self.Host || o.PID <= 0 || o.BootID == "" || self.BootID == "":
		return false
	case o.BootID != self.BootID:
		return o.Machine != "" && o.Machine == self.Machine
	case o.Namespace != self.Namespace:
		return false
	}
	if err := syscall.Kill(o.PID, 0); errors.Is(err, syscall.ESRCH) {
		return true
	}
	state, now := processState(o.PID)
	if state == "Z" || state == "X" {
		return true // dead, and its parent has not asked how it ended
	}
	return o.Birth != "" && now != "" && now != o.Birth
}

// birth is the start time of a process in ticks since boot, "" if not known.
func birth(pid int) string {
	_, birth := processState(pid)
	return birth
}

// processState is the kernel's state letter of a process and its start time in ticks
// since boot; both are "" if not known.
func processState(pid int) (state, birth string) {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return "", ""
	}
	// The second field, the name, is in parentheses and may hold anything.
	after := strings.LastIndexByte(string(stat), ')')
	fields := strings.Fields(string(stat[after+1:]))
	const startTime = 22 - 3 // field 22; the first after the name is field 3
	if after < 0 || len(fields) <= startTime {
		return "", ""
	}
	return fields[0], fields[startTime]
}

// String names the owner for a message.
func (o Owner) String() string {
	if o.User == "" && o.Host == "" {
		return "an owner that left no name"
	}
	return fmt.Sprintf("%s on %s (process %d)", o.User, o.Host, o.PID)
}
