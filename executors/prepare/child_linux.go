package prepare

import "syscall"

// ownGroup starts a process in a group of its own, which ends with the thread that
// starts it.
func ownGroup() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
