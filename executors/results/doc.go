// Package results turns what a job left into a verdict and numbers, and writes
// them down.
//
//  1. [Judge] looks at the [Evidence] of one attempt. Success is a whole report
//     that matches the plan; exit codes only add doubt. The verdict is valid,
//     suspect (shown, marked, and counted), invalid (never shown as a number)
//     or failed, with the reasons for it and the caveats that go with single
//     metrics.
//  2. A [Result] is one sample. [NewSet] puts results in order and sums samples
//     up into medians with intervals.
//  3. A [Set] is written as JSON, CSV or Go benchmark format, and read back
//     from JSON. Tables for people are made elsewhere.
//
// Doubt travels with the number: a summary of too few samples has no interval
// and carries the warning that says why.
package results
