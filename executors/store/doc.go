// Package store keeps what was tried and measured, as plain files in one folder
// that clients and jobs share.
//
// A [Key], a fingerprint on a cluster, real or simulated, is what a stored result can
// satisfy. Below a key lie samples, below a sample attempts. [Store.Reserve] wins an
// attempt by mkdir, and package jobdir says what its folder holds. A [Job] is the folder
// of a job that runs members one after another. [Attempt.Result] judges an attempt from
// its files, [Store.Samples] says which attempt speaks for each sample, and a [View]
// answers for many runs at once, by a cache. [Store.ReplaceAll] retires attempts by a
// tombstone, and [Store.Prune] removes some. [Store.Acquire] admits one writer at a time;
// readers always may.
//
// The file system may be NFS or Lustre: no locks but link(2) and mkdir, one
// writer a file, temporary file then fsync then rename then fsync of the
// folder, and a look at the folder before a file in it is opened. Times are
// read from inside files, never from their metadata; the cache only asks whether
// the metadata is what it was.
package store
