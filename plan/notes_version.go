package plan

import (
	"maps"
	"slices"
	"strings"

	"github.com/llmbench/llmbench/plan/failure"
	"github.com/llmbench/llmbench/schema/catalog"
)

// versionNotCatalogued says against which version a run was checked whose own is
// not catalogued, and what it uses that changed near it.
func (n *noter) versionNotCatalogued() {
	version := n.run.Image.TRTLLMVersion
	m, ok := catalog.Load().Match(version)
	if !ok || m.Exact || slices.ContainsFunc(n.run.Declared, func(d string) bool { return strings.HasPrefix(d, "version ") }) {
		return
	}
	changed := ""
	if m.Beyond != nil {
		if used := n.run.changedOptions(m); len(used) > 0 {
			changed = " Changed between it and " + catalog.FullVersion(m.Beyond.Name) + ", and used here: " + strings.Join(used, ", ") + "."
		}
	}
	n.add(failure.VersionNotCatalogued, "", "TensorRT-LLM %s is not catalogued: its flags and options are checked against %s.%s",
		version, catalog.FullVersion(m.Name), changed)
}

// changedOptions lists the flags and options that definitions set and that are not
// the same in both versions of a match.
func (r *Run) changedOptions(m catalog.Match) []string {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(r.Arguments)) {
		from := r.Origins.From(name)
		if from != "" && from != "version" && from != "llmbench" && m.FlagChanged(m.Beyond, name) {
			out = append(out, name)
		}
	}
	options := map[string]any{}
	leaves(options, "llm_api_options", r.LLMAPIOptions)
	for _, name := range slices.Sorted(maps.Keys(options)) {
		path := strings.TrimPrefix(name, "llm_api_options.")
		if from := r.Origins.From(name); from != "" && from != "llmbench" && m.OptionChanged(m.Beyond, path) {
			out = append(out, name)
		}
	}
	return out
}
