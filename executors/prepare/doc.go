// Package prepare brings what runs read, weights and container images, to where
// they read it, and verifies what is there. Fetching is left to the commands
// that users know, hf and enroot; verification is its own, and fast: it reads
// headers and sizes, so that a truncated file of many gigabytes is found without
// reading it. Every finding is an executors.Check with its remedy.
package prepare
