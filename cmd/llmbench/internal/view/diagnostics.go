package view

import (
	"slices"
	"unicode/utf8"

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
	w := s.Err
	if s.Color {
		_, w = s.Raw()
		files, diags = safeFiles(files), safeDiagnostics(diags)
	}
	// A writer that fails has nowhere to say so.
	_ = hcl.NewDiagnosticTextWriter(w, files, width, s.Color).WriteDiagnostics(diags)
}

// safeFiles are the sources with a question mark for each byte of a control
// character: ranges keep their meaning.
func safeFiles(files map[string]*hcl.File) map[string]*hcl.File {
	out := make(map[string]*hcl.File, len(files))
	for name, f := range files {
		src := slices.Clone(f.Bytes)
		for i := 0; i < len(src); {
			r, n := utf8.DecodeRune(src[i:])
			if control(r) && r != '\n' && r != '\t' && r != '\r' || r == utf8.RuneError && n == 1 {
				copy(src[i:i+n], "???")
			}
			i += n
		}
		out[name] = &hcl.File{Body: f.Body, Bytes: src, Nav: f.Nav}
	}
	return out
}

func safeDiagnostics(diags hcl.Diagnostics) hcl.Diagnostics {
	out := make(hcl.Diagnostics, len(diags))
	for i, d := range diags {
		safe := *d
		safe.Summary, safe.Detail = safeString(d.Summary), safeString(d.Detail)
		out[i] = &safe
	}
	return out
}
