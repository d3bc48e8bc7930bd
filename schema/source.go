package schema

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/hashicorp/hcl/v2/hclwrite"

	"github.com/llmbench/llmbench/schema/catalog"
	"github.com/llmbench/llmbench/schema/regular"
)

// sources reads files and keeps what was read.
type sources struct {
	files  map[string]*hcl.File
	inputs []Input
}

// directory parses the *.hcl files of dir in the order of their names.
func (s *sources) directory(dir string) ([]*hclsyntax.Body, hcl.Diagnostics) {
	paths, diags := listFiles(dir, ".hcl")
	if diags.HasErrors() {
		return nil, diags
	}
	paths = slices.DeleteFunc(paths, func(p string) bool { return strings.HasSuffix(p, catalog.Suffix) })
	if len(paths) == 0 {
		return nil, append(diags, refuseAll("No definitions", "The directory %q holds no *.hcl file. %s", dir, nearDefinitions(dir)))
	}
	files, more := s.parseAll(paths)
	var bodies []*hclsyntax.Body
	for _, file := range files {
		bodies = append(bodies, file.Body.(*hclsyntax.Body))
	}
	return bodies, append(diags, more...)
}

// nearDefinitions says what to do about a directory without definitions.
func nearDefinitions(dir string) string {
	if json, _ := filepath.Glob(filepath.Join(dir, "*.hcl.json")); len(json) > 0 { // the pattern is well formed
		return fmt.Sprintf("llmbench does not read HCL in JSON: write %s as HCL.", filepath.Base(json[0]))
	}
	if inside, _ := filepath.Glob(filepath.Join(dir, "*", "*.hcl")); len(inside) > 0 {
		return fmt.Sprintf("Directories below it hold definitions. Name one of them: `llmbench plan %s`.", filepath.Dir(inside[0]))
	}
	return "`llmbench init` writes a set of definitions to start from."
}

// facts reads the files in dir that declare facts, and returns the catalogue with
// them.
func (s *sources) facts(dir string, cat *catalog.Catalog) (*catalog.Catalog, hcl.Diagnostics) {
	paths, diags := listFiles(dir, catalog.Suffix)
	files, more := s.parseAll(paths)
	diags = append(diags, more...)
	if len(files) == 0 || diags.HasErrors() {
		return cat, diags
	}
	extended, more := cat.Extend(files)
	return extended, append(diags, more...)
}

// parseAll reads files, and leaves out those that it cannot parse.
func (s *sources) parseAll(paths []string) (files []*hcl.File, diags hcl.Diagnostics) {
	for _, path := range paths {
		file, more := s.parse(path)
		diags = append(diags, more...)
		if file != nil {
			s.files[path] = file
			files = append(files, file)
		}
	}
	return files, diags
}

// parse reads and parses one file and notes it as an input.
func (s *sources) parse(path string) (*hcl.File, hcl.Diagnostics) {
	src, err := regular.Read(path, regular.MaxText)
	if err != nil {
		return nil, hcl.Diagnostics{refuseAll("File cannot be read", "%s.", err)}
	}
	sum := sha256.Sum256(src)
	s.inputs = append(s.inputs, Input{Path: path, SHA256: hex.EncodeToString(sum[:])})
	return parseFile(src, path)
}

func parseFile(src []byte, path string) (*hcl.File, hcl.Diagnostics) {
	if !utf8.Valid(src) {
		return nil, hcl.Diagnostics{refuseAll("File is not UTF-8", "%s has another encoding, such as UTF-16. Save it as UTF-8.", path)}
	}
	file, diags := hclsyntax.ParseConfig(src, path, hcl.InitialPos)
	for i, d := range diags {
		lost := d.Summary != oneArgument
		explainSyntax(d, src)
		if lost {
			diags = diags[:i+1] // what follows is guesswork of the parser
			break
		}
	}
	return file, diags
}

// listFiles returns the files of dir with the suffix, in the order of their
// names. Hidden files are left out.
func listFiles(dir, suffix string) ([]string, hcl.Diagnostics) {
	entries, err := os.ReadDir(dir)
	if info, statErr := os.Stat(dir); statErr == nil && !info.IsDir() {
		return nil, hcl.Diagnostics{refuseAll("Definitions cannot be read", "%s is a file, and llmbench reads all definitions of a directory. Name the directory: %q.", dir, filepath.Dir(dir))}
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil, hcl.Diagnostics{refuseAll("Definitions cannot be read", "There is no directory %q.", dir)}
	}
	if err != nil {
		return nil, hcl.Diagnostics{refuseAll("Definitions cannot be read", "%s.", err)}
	}
	var paths []string
	for _, e := range entries {
		name := e.Name()
		if !e.IsDir() && strings.HasSuffix(name, suffix) && !strings.HasPrefix(name, ".") {
			paths = append(paths, filepath.Join(dir, name))
		}
	}
	return paths, nil
}

var argumentName = regexp.MustCompile(`([A-Za-z_][A-Za-z0-9_]*)\s*=[^=>]`)

// oneArgument is hclsyntax's summary for a block on one line with several arguments.
const oneArgument = "Invalid single-argument block definition"

// explainSyntax gives HCL's refusal of several arguments on one line a sentence that
// shows the right layout, and says where a quote is missing.
func explainSyntax(d *hcl.Diagnostic, src []byte) {
	if d.Summary == "Invalid multi-line string" && d.Subject != nil {
		d.Summary = "Missing quote"
		d.Detail = fmt.Sprintf("A string that begins on line %d has no closing quote on that line.", d.Subject.Start.Line)
		return
	}
	if d.Summary != oneArgument || d.Subject == nil {
		return
	}
	lines := strings.Split(string(src), "\n")
	if d.Subject.Start.Line > len(lines) {
		return
	}
	line := lines[d.Subject.Start.Line-1]
	header, rest, _ := strings.Cut(line, "{")
	var layout strings.Builder
	fmt.Fprintf(&layout, "  %s {\n", strings.TrimSpace(header))
	for _, m := range argumentName.FindAllStringSubmatch(rest+" ", -1) {
		fmt.Fprintf(&layout, "    %s = …\n", m[1])
	}
	layout.WriteString("  }")
	d.Summary = "Several arguments on one line"
	d.Detail = "A block on one line can hold only one argument, and its closing brace must be on that line too. Give each argument a line of its own:\n\n" + layout.String()
}

// Format returns src in canonical layout. What cannot be parsed is laid out as
// well as its tokens allow; no byte of meaning changes.
func Format(src []byte) []byte { return hclwrite.Format(src) }
