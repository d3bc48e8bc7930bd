package plan

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
)

// An Observation is what was found of the content behind names and of the
// machine, by the keys of a result's provenance: image_digest, image_file,
// image_sha256, checkpoint_sha256, driver, cuda, nccl, clocks, power_cap_w. Keys that are
// absent are not known.
type Observation map[string]string

// movedWords say that something observed differs. What has no words here is
// called by its key.
var movedWords = map[string]string{
	"image_digest": "image content moved", "image_file": "image file replaced since it was measured", "image_sha256": "image file replaced since it was measured",
	"checkpoint_sha256": "weights moved",
}

// surer are what tells more of an image, where both sides know it: an import of the
// same content makes another file.
var surer = map[string][]string{"image_file": {"image_digest"}, "image_sha256": {"image_digest", "image_file"}}

// pins are the arguments that pin what can move.
var pins = map[string]string{"image_digest": "digest", "image_file": "digest", "image_sha256": "digest", "checkpoint_sha256": "revision"}

// compareObserved says what moved under the runs that have samples.
func (b *builder) compareObserved(list []candidate) hcl.Diagnostics {
	var diags hcl.Diagnostics
	for _, c := range list {
		diags = append(diags, b.moved(c.run, &c.cell.Range)...)
	}
	return merge(diags)
}

// moved compares what the stored samples of a run were measured on with each
// other, and with what is there now. Only what both sides know is compared. What
// was declared is the same, so the samples stay: the plan says it and no more.
func (b *builder) moved(run *Run, cellRange *hcl.Range) hcl.Diagnostics {
	samples, all := run.State.Observed, Observation{}
	if len(samples) == 0 {
		return nil
	}
	for _, s := range samples {
		maps.Copy(all, s)
	}
	var now Observation
	if b.Observe != nil {
		now = b.Observe(run)
	}
	var diags hcl.Diagnostics
	last := samples[len(samples)-1]
	for _, key := range slices.Sorted(maps.Keys(all)) {
		then, detail := last[key], ""
		for _, s := range samples {
			if before := s[key]; before != "" && then != "" && before != then && !knownBetter(key, s, last) {
				detail = fmt.Sprintf("Its stored samples were measured with different content: %s is %.20s in one and %.20s in another.", key, before, then)
			}
		}
		if there := now[key]; there != "" && then != "" && there != then && !knownBetter(key, last, now) {
			detail = fmt.Sprintf("%s was %.20s when its stored sample was measured, and is %.20s now.", key, then, there)
		}
		if detail == "" {
			continue
		}
		words := movedWords[key]
		if words == "" {
			words = key + " changed"
		}
		run.Reason += "; " + words
		detail += " The samples still count, since the definition is the same; -replace measures again"
		if pin := pins[key]; pin != "" {
			detail += ", and " + pin + " = … pins it"
		}
		diags = append(diags, &hcl.Diagnostic{
			Severity: hcl.DiagWarning, Summary: strings.ToUpper(words[:1]) + words[1:], Detail: detail + ".", Subject: cellRange, Extra: About{Address: run.Address},
		})
	}
	return diags
}

// knownBetter reports whether both sides know something that tells more than key.
func knownBetter(key string, a, b Observation) bool {
	return slices.ContainsFunc(surer[key], func(k string) bool { return a[k] != "" && b[k] != "" })
}
