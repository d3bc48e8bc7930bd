// Package jobdir is the protocol of a job's folder, both sides: the names of its
// files, who writes which and when, and the records in them. The store, the
// executors, tests and benchmarks know them from here; the bash scripts of
// executors/slurm are held against it by a test there.
//
//  1. The client makes the folder and fills it: run.json, the files of the steps,
//     script.sh, attempt, secrets, and intent.json last. Without an intent no job
//     was ever submitted. The receipt of the submission is job.json.
//  2. The job claims the folder by link(2): a job that comes second, is started
//     again, or was cancelled leaves it alone and says so in refused.JOB. Then it
//     writes start, observed, stdout, stderr (of other ranks with their numbers),
//     bench_exit, report.json, and exit last, whatever happens to it.
//  3. The client writes cancelled before it stops a job, and ended.json where the
//     job can say nothing any more. A job's exit is believed before it.
//
// A record is one line of JSON with "end":true as its last key: what is not whole
// does not exist. What must survive a power cut is written to a temporary file,
// synced, renamed, and its folder synced. The files before the intent are not synced
// but listed in it, with their checksums.
package jobdir
