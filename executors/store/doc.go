// Package store keeps what was tried and measured, as plain files in one folder
// that clients and jobs share.
//
//  1. A [Store] is the folder. A [Key] — a fingerprint on a cluster, real or
//     simulated — is what a stored result can satisfy. Below a key lie samples,
//     below a sample attempts.
//  2. [Store.Reserve] wins an attempt by mkdir and [Attempt.Fill] fills its
//     folder; intent.json is written last, so that an attempt without one was
//     never submitted. The job claims the folder by link(2) and writes claim,
//     start, its output, its report, and exit last.
//     A [Job] is the folder of a job that does so for its members, one after
//     another. [Attempt.Defer] gives back what it has not claimed.
//  3. Readers need nobody: [Attempt.Result] judges an attempt from its files,
//     [Store.Samples] says which attempt speaks for each sample, and [View.Look]
//     counts them for a plan. A file that is not whole does not exist. A [View]
//     answers the same for many runs at once: it keeps what it judged in a cache
//     (cache.go), which is used only where the files have not changed since, and
//     which may be removed at any time.
//  4. [Store.ReplaceAll] retires attempts by a tombstone; their folders stay until
//     [Store.Prune] is told to remove them.
//  5. [Store.Acquire] admits one writer at a time; readers always may.
//
// The file system may be NFS or Lustre: no locks but link(2) and mkdir, one
// writer a file, temporary file then fsync then rename then fsync of the
// folder, and a look at the folder before a file in it is opened. Times are
// read from inside files, never from their metadata; the cache only asks whether
// the metadata is what it was.
package store
