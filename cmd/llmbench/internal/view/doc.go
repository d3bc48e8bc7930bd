// Package view is the only place that prints. Every command hands it what it
// found; human and JSON forms stand side by side. Plans and results go to
// standard output; progress, prompts and diagnostics to standard error.
//
// A Report is the HTML page. Its plots are HTML and SVG with places in percent, so that
// one copy fits a phone and a desk; report/ holds the template, the style and the script.
package view
