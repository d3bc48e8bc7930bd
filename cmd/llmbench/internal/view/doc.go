// Package view is the only place that prints. Every command hands it what it
// found; human and JSON forms stand side by side. Plans and results go to
// standard output; progress, prompts and diagnostics to standard error.
package view
