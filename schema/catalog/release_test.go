package catalog

import "testing"

// The tags are those of nvcr.io/nvidia/tensorrt-llm/release that runs were seen
// with.
func TestMatch(t *testing.T) {
	for name, want := range map[string]struct{ against, beyond string }{
		"1.0.0rc1": {"1.0.0rc1", ""}, "1.0.0rc2": {"1.0.0rc4", "1.0.0rc1"}, "1.0.0rc3": {"1.0.0rc4", "1.0.0rc1"},
		"1.0.0rc4": {"1.0.0rc4", ""}, "1.0.0rc6": {"1.0.0rc4", "1.0"}, "1.0.0": {"1.0", ""}, "1.0": {"1.0", ""},
		"1.1.0rc2.post2": {"1.1", "1.0"}, "1.1.0rc5": {"1.1", "1.0"}, "1.1.0": {"1.1", ""}, "1.1.1": {"1.1", "1.2"},
		"1.2.0rc2": {"1.2", "1.1"}, "1.2.0rc2.post2": {"1.2", "1.1"}, "1.2.0rc6.post2": {"1.2", "1.1"}, "1.2.0rc6.post3": {"1.2", "1.1"},
		"1.2.0": {"1.2", ""}, "1.2.1": {"1.2", "1.3.0rc26"},
		"1.3.0rc5": {"1.3.0rc26", "1.2"}, "1.3.0rc10": {"1.3.0rc26", "1.2"}, "1.3.0rc15.post1": {"1.3.0rc26", "1.2"}, "1.3.0rc20": {"1.3.0rc26", "1.2"},
		"1.3.0rc26": {"1.3.0rc26", ""}, "1.3.0rc28": {"1.3.0rc26", ""}, "1.3.0": {"1.3.0rc26", ""}, "1.3.0+cu13": {"1.3.0rc26", ""},
		"1.4.0rc1": {"1.3.0rc26", ""}, "2.0": {"1.3.0rc26", ""},
		"0.21.0": {}, "1.0.0rc0": {"1.0.0rc1", ""}, "1": {}, "latest": {}, "1.0.0rc": {}, "": {},
	} {
		m, ok := Load().Match(name)
		if ok != (want.against != "") {
			t.Errorf("%s: matched %v", name, ok)
			continue
		}
		if !ok {
			continue
		}
		beyond := ""
		if m.Beyond != nil {
			beyond = m.Beyond.Name
		}
		if m.Name != want.against || beyond != want.beyond {
			t.Errorf("%s: checked against %s with %q beyond, want %v", name, m.Name, beyond, want)
		}
	}
}

func TestSameVersion(t *testing.T) {
	for _, c := range []struct {
		shown, image, declared string
		want                   bool
	}{
		{"1.2.1", "reg/x:1.2.1", "1.2.1", true},
		{"1.2.1+cu13", "reg/x:1.2.1", "1.2.1", true},
		{"1.2.1", "reg/x:1.2.0", "1.2", false},
		{"1.2.1", "reg/x:mine", "1.2", true}, // as many numbers as are written
		{"1.1.0", "reg/x:mine", "1.2", false},
		{"1.2.0rc6.post2", "reg/x:1.2.0rc6.post2", "1.2.0rc6.post2", true},
		{"1.2.0rc6", "reg/x:1.2.0rc6.post2", "1.2.0rc6.post2", false},
		{"1.2.0rc10", "reg/x:1.2.0rc1", "1.2.0rc1", false},
		{"1.2.0rc6", "reg/x:1.2.0", "1.2", false},
		{"1.0.0", "reg:5000/x:1.0", "1.0", true},
		{"nightly", "reg/x:1.0", "1.0", true}, // nothing to compare
		{"1.0.0", "reg/x@sha256:00", "", true},
	} {
		if got := SameVersion(c.shown, c.image, c.declared); got != c.want {
			t.Errorf("%+v: %v", c, got)
		}
	}
}

func TestFullVersion(t *testing.T) {
	for name, want := range map[string]string{"1.1": "1.1.0", "1.1.0": "1.1.0", "1.0.0rc1": "1.0.0rc1", "1.3rc2": "1.3.0rc2", "main": "main"} {
		if got := FullVersion(name); got != want {
			t.Errorf("%s is %s in full, want %s", name, got, want)
		}
	}
}
