package schema

import "testing"

func TestNearest(t *testing.T) {
	names := []string{"tp", "pp", "ep", "concurrency", "max_batch_size", "max_num_tokens", "streaming", "var"}
	for given, want := range map[string]string{
		"concurency": "concurrency", "conccurrency": "concurrency", "steaming": "streaming", "vra": "var",
		"max_batch": "max_batch_size", "num_tokens": "max_num_tokens", "max_batchsize": "max_batch_size",
		"tpp": "tp", "nonsense": "", "x": "", "": "", "isl": "",
	} {
		if got := nearest(given, names); got != want {
			t.Errorf("%q: %q, want %q", given, got, want)
		}
	}
}

func TestDistance(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"", "abc", 3}, {"abc", "", 3}, {"abc", "abc", 0}, {"abc", "acb", 1}, {"kitten", "sitting", 3}, {"ab", "ba", 1}} {
		if got := distance(c.a, c.b); got != c.want {
			t.Errorf("%q %q: %d, want %d", c.a, c.b, got, c.want)
		}
	}
}
