// Package view is the only place that prints. Every command hands it what it
// found; human and JSON forms stand side by side. Plans and results go to
// standard output; progress, prompts and diagnostics to standard error.
//
// A Report is the HTML page. Rows along a scale are HTML, so that they wrap on a
// phone; plots with two axes are drawn by gonum, once for each width, and take
// their colours from the page's style.
package view
