package view

import (
	"github.com/hashicorp/hcl/v2"
)

// Diagnostics prints diags to standard error with the lines that they are
// about. files are the sources by name.
func (s *Streams) Diagnostics(files map[string]*hcl.File, diags hcl.Diagnostics) {
	if len(diags) == 0 {
		return
	}
	width := uint(0)
	if s.Width > 20 {
		width = uint(s.Width)
	}
	// A writer that fails has nowhere to say so.
	_ = hcl.NewDiagnosticTextWriter(s.Err, files, width, s.Color).WriteDiagnostics(diags)
}
