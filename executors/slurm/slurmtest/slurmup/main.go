// Command slurmup starts a throwaway Slurm of four nodes with four GPUs each,
// runs a command inside its environment (a shell without one), and takes the
// cluster down again:
//
//	go run ./executors/slurm/slurmtest/slurmup -- sinfo
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"

	"github.com/llmbench/llmbench/executors/slurm/slurmtest"
)

func main() {
	os.Exit(run())
}

func run() int {
	var opts slurmtest.Options
	flag.BoolVar(&opts.Accounting, "accounting", false, "start slurmdbd and MariaDB too")
	flag.IntVar(&opts.Nodes, "nodes", 4, "number of nodes")
	flag.Parse()
	if err := slurmtest.Available(opts); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	dir, err := os.MkdirTemp("", "slurm")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	c, err := slurmtest.Start(context.Background(), dir, opts)
	defer c.Stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	argv := flag.Args()
	if len(argv) == 0 {
		argv = []string{"bash"}
	}
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.Env = append(os.Environ(), c.Env()...)
	if err := cmd.Run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}
