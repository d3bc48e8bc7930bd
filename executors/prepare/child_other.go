//go:build !linux

package prepare

import "syscall"

// ownGroup starts a process in a group of its own; this kernel does not end it with
// its parent.
func ownGroup() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
