package slurmtest

import (
	"fmt"
	"syscall"
)

// The logs of the daemons, which name them.
const (
	controller = "slurmctld.out"
	dbd        = "slurmdbd.out"
)

func slurmdLog(node string) string { return "slurmd." + node + ".out" }

// kill ends a daemon without a warning.
func (c *Cluster) kill(log string) error {
	cmd, ok := c.daemons[log]
	if !ok {
		return fmt.Errorf("no daemon logs to %s", log)
	}
	if err := cmd.Process.Signal(syscall.SIGKILL); err != nil {
		return err
	}
	_ = cmd.Wait() // it was killed
	delete(c.daemons, log)
	for i, p := range c.procs {
		if p == cmd {
			c.procs = append(c.procs[:i], c.procs[i+1:]...)
			break
		}
	}
	return nil
}

// KillController kills slurmctld; StartController starts it again with the
// state that it had saved.
func (c *Cluster) KillController() error { return c.kill(controller) }

// FreezeController lets slurmctld answer nobody until it is killed: commands
// connect to it and wait.
func (c *Cluster) FreezeController() error {
	return c.daemons[controller].Process.Signal(syscall.SIGSTOP)
}

// StartController starts slurmctld again.
func (c *Cluster) StartController() error {
	return c.spawn(controller, "slurmctld", "-D", "-i", "-f", c.path("slurm.conf")) // -i: what it had not saved is no error
}

// KillNode takes the power from a node, gb01 and so on: its slurmd is gone, and
// what runs on it stands still and tells nobody.
func (c *Cluster) KillNode(node string) error {
	if err := c.kill(slurmdLog(node)); err != nil {
		return err
	}
	return c.signal(syscall.SIGSTOP, node)
}

// StartNode starts the slurmd of a node, on which nothing runs any more.
func (c *Cluster) StartNode(node string) error {
	if err := c.signal(syscall.SIGKILL, node); err != nil {
		return err
	}
	return c.spawnIn([]string{nodeVariable + "=" + node}, slurmdLog(node), "slurmd", "-D", "-N", node, "-f", c.path("slurm.conf"))
}

// KillAccounting kills slurmdbd.
func (c *Cluster) KillAccounting() error { return c.kill(dbd) }

// StartAccounting starts slurmdbd.
func (c *Cluster) StartAccounting() error { return c.spawn(dbd, "slurmdbd", "-D") }
