// Package executors measures what a plan says is to be measured.
//
// An [Executor] starts, watches and stops jobs; package slurm drives a cluster,
// package simulate needs none, and package executortest is the contract that
// both pass. A [Campaign] is the loop of apply over them:
//
//  1. It reserves an attempt folder in the store for each missing sample,
//     writes everything the job needs and an intent, and submits.
//  2. It watches the attempt folders for the word that each job leaves as its
//     last act, and asks the backend about all jobs at once, seldom.
//  3. A job that ended without a word gets a grace for slow file systems; then
//     the backend's word on it is written down.
//     Samples that are packed share one job, which runs them one after another;
//     each has its own attempt folder, and what the job did not begin is given
//     back and packed again.
//  4. Failures of the infrastructure get a new attempt, within a budget; others
//     are final, and a failure to start blocks the runs that would share it.
//
// Results are always derived from the attempt folders, never from what the
// loop remembers: a process killed at any moment loses nothing, and the next
// one resumes what it left.
package executors
