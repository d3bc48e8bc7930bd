package plan

import (
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
)

// What moved is said, what only one side knows is not compared, and the samples
// stay.
func TestMoved(t *testing.T) {
	for name, c := range map[string]struct {
		stored []Observation
		now    Observation
		want   string // words in the reason, "" for none
		detail string
	}{
		"nothing stored":       {nil, Observation{"image_sha256": "b"}, "", ""},
		"the same":             {[]Observation{{"image_sha256": "a"}}, Observation{"image_sha256": "a"}, "", ""},
		"not known now":        {[]Observation{{"image_sha256": "a", "driver": "570"}}, nil, "", ""},
		"not known then":       {[]Observation{{}}, Observation{"image_sha256": "a"}, "", ""},
		"image":                {[]Observation{{"image_digest": "a"}}, Observation{"image_digest": "b"}, "image content moved", "digest = … pins it"},
		"image file":           {[]Observation{{"image_file": "1 a"}}, Observation{"image_file": "2 b"}, "image file replaced since it was measured", "digest = … pins it"},
		"image of 0.1.0":       {[]Observation{{"image_sha256": "a"}}, Observation{"image_sha256": "b", "image_file": "2 b"}, "image file replaced since it was measured", "digest = … pins it"},
		"image imported again": {[]Observation{{"image_digest": "d", "image_file": "1 a", "image_sha256": "a"}}, Observation{"image_digest": "d", "image_file": "2 b", "image_sha256": "b"}, "", ""},
		"files not hashed":     {[]Observation{{"image_file": "1 a", "image_sha256": "a"}}, Observation{"image_file": "1 a", "image_sha256": "b"}, "", ""},
		"images of samples":    {[]Observation{{"image_digest": "d", "image_file": "1 a"}, {"image_digest": "d", "image_file": "2 b"}}, nil, "", ""},
		"weights":              {[]Observation{{"checkpoint_sha256": "a"}}, Observation{"checkpoint_sha256": "b"}, "weights moved", "revision = … pins it"},
		"between samples":      {[]Observation{{"driver": "570"}, {"driver": "580"}}, nil, "driver changed", "570 in one and 580 in another"},
		"a sample knows less":  {[]Observation{{"driver": "570"}, {}}, nil, "", ""},
		"two things at a time": {[]Observation{{"driver": "570", "image_sha256": "a"}, {"driver": "580", "image_sha256": "a"}}, Observation{"image_sha256": "b"}, "driver changed; image file replaced since it was measured", ""},
	} {
		run := &Run{Address: "a/use_case=chat", Action: Keep, Reason: "all samples are stored", State: Samples{Observed: c.stored}}
		b := builder{Request: Request{Observe: func(*Run) Observation { return c.now }}}
		diags := b.moved(run, &hcl.Range{})
		want := "all samples are stored"
		if c.want != "" {
			want += "; " + c.want
		}
		if run.Reason != want || run.Action != Keep || (len(diags) > 0) != (c.want != "") {
			t.Errorf("%s: %s, %v, want %s", name, run.Reason, diags, want)
		}
		if len(diags) > 0 && (diags[0].Severity != hcl.DiagWarning || !strings.Contains(diags[0].Detail, c.detail)) {
			t.Errorf("%s: %v", name, diags[0])
		}
	}
}
