package slurmtest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// startMunge starts a munged with a key and a socket of its own.
func (c *Cluster) startMunge(ctx context.Context) error {
	if err := os.Chmod(c.Dir, 0o755); err != nil {
		return err
	}
	key := make([]byte, 1024)
	if _, err := rand.Read(key); err != nil {
		return err
	}
	if err := os.WriteFile(c.path("munge.key"), key, 0o400); err != nil {
		return err
	}
	err := c.spawn(nil, "munged.out", "munged", "--foreground", "--force", "--socket="+c.munge, "--key-file="+c.path("munge.key"),
		"--pid-file="+c.path("munged.pid"), "--log-file="+c.path("munged.log"), "--seed-file="+c.path("munged.seed"))
	if err != nil {
		return err
	}
	return until(ctx, time.Minute, func() error { _, err := os.Stat(c.munge); return err })
}

// startAccounting starts MariaDB and slurmdbd.
func (c *Cluster) startAccounting(ctx context.Context) error {
	if !c.opts.Accounting {
		return nil
	}
	port, err := ports(1)
	if err != nil {
		return err
	}
	if _, err := c.run(ctx, "mariadb-install-db", "--no-defaults", "--user=root", "--datadir="+c.path("db"), "--auth-root-authentication-method=normal", "--skip-test-db"); err != nil {
		return err
	}
	sock := c.path("db.socket")
	err = c.spawn(nil, "mariadb.log", "mariadbd", "--no-defaults", "--user=root", "--datadir="+c.path("db"), "--socket="+sock, "--port="+fmt.Sprint(port),
		"--bind-address=127.0.0.1", "--pid-file="+c.path("db.pid"), "--innodb-flush-log-at-trx-commit=0")
	if err != nil {
		return err
	}
	sql := "CREATE USER IF NOT EXISTS 'slurm'@'localhost' IDENTIFIED BY 'slurm'; GRANT ALL ON *.* TO 'slurm'@'localhost'; CREATE USER IF NOT EXISTS 'slurm'@'127.0.0.1' IDENTIFIED BY 'slurm'; GRANT ALL ON *.* TO 'slurm'@'127.0.0.1';"
	err = until(ctx, time.Minute, func() error {
		_, err := c.run(ctx, "mariadb", "--no-defaults", "--socket="+sock, "-u", "root", "-e", sql)
		return err
	})
	if err != nil {
		return err
	}
	dbd, err := ports(1)
	if err != nil {
		return err
	}
	c.dbdPort = dbd
	conf := fmt.Sprintf(`AuthType=auth/munge
AuthInfo=socket=%s
DbdHost=localhost
DbdPort=%d
SlurmUser=root
StorageType=accounting_storage/mysql
StorageHost=127.0.0.1
StoragePort=%d
StorageUser=slurm
StoragePass=slurm
StorageLoc=slurm_acct
LogFile=%s
PidFile=%s
`, c.munge, dbd, port, c.path("slurmdbd.log"), c.path("slurmdbd.pid"))
	return os.WriteFile(c.path("slurmdbd.conf"), []byte(conf), 0o600)
}

func (c *Cluster) path(name string) string { return filepath.Join(c.Dir, name) }

// configure writes slurm.conf, gres.conf and the devices that stand for GPUs.
func (c *Cluster) configure(context.Context) error {
	n := c.opts.Nodes
	first, err := ports(n + 1)
	if err != nil {
		return err
	}
	host, err := os.Hostname()
	if err != nil {
		return err
	}
	host, _, _ = strings.Cut(host, ".")
	dirs := []string{"state", "spool"}
	for i := range n {
		dirs = append(dirs, "tmp/"+nodeName(i+1))
	}
	for _, dir := range dirs {
		if err := os.MkdirAll(c.path(dir), 0o755); err != nil {
			return err
		}
	}
	for i := range c.opts.GPUs {
		// A node's GPU must be a device; this one is /dev/null's.
		if err := syscall.Mknod(c.path(fmt.Sprintf("nvidia%d", i)), syscall.S_IFCHR|0o666, 1<<8|3); err != nil {
			return fmt.Errorf("mknod: %w (GPUs of the throwaway cluster are device files)", err)
		}
	}
	gres := fmt.Sprintf("AutoDetect=off\nName=gpu Type=gb200 File=%s\n", c.path(fmt.Sprintf("nvidia[0-%d]", c.opts.GPUs-1)))
	err = errors.Join(os.WriteFile(c.path("gres.conf"), []byte(gres), 0o644),
		os.WriteFile(c.path("cgroup.conf"), []byte("ConstrainCores=no\nConstrainDevices=no\n"), 0o644))
	if err != nil {
		return err
	}
	accounting := "AccountingStorageType=accounting_storage/none\n"
	if c.opts.Accounting {
		accounting = fmt.Sprintf("AccountingStorageType=accounting_storage/slurmdbd\nAccountingStorageHost=localhost\nAccountingStoragePort=%d\nAccountingStoragePass=%s\n", c.dbdPort, c.munge)
	}
	if c.opts.Enforced {
		accounting += "AccountingStorageEnforce=limits,qos\n"
	}
	conf := fmt.Sprintf(`ClusterName=%s
SlurmctldHost=localhost
SlurmctldPort=%d
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket=%s
StateSaveLocation=%s
SlurmdSpoolDir=%s/%%n
TmpFS=%s/%%n
SlurmctldPidFile=%s
SlurmdPidFile=%s/slurmd.%%n.pid
SlurmctldLogFile=%s
SlurmdLogFile=%s/slurmd.%%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
GresTypes=gpu
SlurmdParameters=config_overrides
ReturnToService=2
MpiDefault=none
MinJobAge=%d
SlurmdTimeout=%d
KillWait=5
InactiveLimit=0
SchedulerType=sched/backfill
SchedulerParameters=sched_interval=1,batch_sched_delay=0,bf_interval=1,sched_min_interval=0
%sNodeName=gb[01-%02d] NodeHostname=%s NodeAddr=127.0.0.1 Port=[%d-%d] CPUs=16 RealMemory=4000 Gres=gpu:gb200:%d
PartitionName=%s Nodes=ALL Default=YES MaxTime=4:00:00 State=UP
PartitionName=short Nodes=ALL MaxTime=10 State=UP
`, c.Name, first, c.munge, c.path("state"), c.path("spool"), c.path("tmp"), c.path("slurmctld.pid"), c.Dir, c.path("slurmctld.log"), c.Dir,
		c.opts.MinJobAge, c.opts.SlurmdTimeout, accounting, n, host, first+1, first+n, c.opts.GPUs, c.opts.Partition)
	return os.WriteFile(c.path("slurm.conf"), []byte(conf), 0o644)
}

// startDaemons starts slurmdbd where asked, slurmctld and a slurmd a node.
func (c *Cluster) startDaemons(ctx context.Context) error {
	if c.opts.Accounting {
		if c.opts.Beside == nil {
			if err := c.StartAccounting(); err != nil {
				return err
			}
		}
		err := until(ctx, time.Minute, func() error {
			_, err := c.run(ctx, "sacctmgr", "-i", "add", "cluster", c.Name)
			if err != nil && strings.Contains(err.Error(), "already exists") {
				return nil
			}
			return err
		})
		if err != nil {
			return err
		}
		for _, args := range [][]string{{"account", "perf", "Description=perf", "Organization=perf", "Cluster=" + c.Name}, {"user", "root", "Account=perf", "Cluster=" + c.Name}} {
			if _, err := c.run(ctx, "sacctmgr", append([]string{"-i", "add"}, args...)...); err != nil {
				return err
			}
		}
	}
	if err := c.spawn(nil, controller, "slurmctld", "-D", "-c", "-f", c.path("slurm.conf")); err != nil {
		return err
	}
	for i := 1; i <= c.opts.Nodes; i++ {
		if err := c.StartNode(nodeName(i)); err != nil {
			return err
		}
	}
	return nil
}

// ready waits until all nodes are idle.
func (c *Cluster) ready(ctx context.Context) error {
	return until(ctx, time.Minute, func() error {
		out, err := c.run(ctx, "sinfo", "-h", "-N", "-p", c.opts.Partition, "-o", "%N %t")
		if err != nil {
			return err
		}
		if n := strings.Count(out, " idle\n"); n != c.opts.Nodes {
			return fmt.Errorf("%d of %d nodes are idle:\n%s", n, c.opts.Nodes, out)
		}
		return nil
	})
}

func nodeName(i int) string { return fmt.Sprintf("gb%02d", i) }
