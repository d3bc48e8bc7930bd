// Package slurm runs jobs on a Slurm cluster through Slurm's own commands, in
// the text forms that have stayed the same from 20.11 on.
//
//   - A plan's job is sbatch with every option on its command line, and a script
//     from a fixed template. User data enters the script only
//     inside single quotes.
//   - Submission is at most once in effect: an intent is written before it, the
//     name is unique to the attempt, an answer that got lost is looked up by that
//     name, and the script claims its attempt before it does anything.
//   - The script of a job of several members runs itself again for each of them, one
//     after another, in the folder of its attempt.
//   - One squeue asks about all jobs. A job that squeue no longer knows is looked
//     up with scontrol and sacct; without slurmdbd too. A query that fails means
//     "unknown", never "gone".
//   - What a job says of its own end, in its attempt folder, comes before what
//     Slurm says.
package slurm
