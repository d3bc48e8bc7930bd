// Package slurmtest runs a real throwaway Slurm cluster on one host, for tests
// and for trying things: a controller and several nodes with GPUs that are none,
// a munge of its own, and accounting on request. It needs Debian's packages
// slurmctld, slurmd, slurm-client and munge, slurmdbd and mariadb-server for
// accounting, and root.
//
// Command slurmup, below, runs a command inside such a cluster.
package slurmtest
