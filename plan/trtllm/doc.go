// Package trtllm knows what trtllm-bench wants and what it says: its command
// line and options file, the data set it reads, and the report, log and
// iteration lines it writes, for the versions 0.17 to 1.2.
//
// The package is pure: it reads and writes streams. Only [ReadDatasetFile] opens a file.
package trtllm
