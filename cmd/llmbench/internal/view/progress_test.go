package view

import (
	"strings"
	"testing"
	"time"
)

// Bytes come with their rate and the time left, counted from what this process
// saw; away from a terminal a line comes every ten seconds.
func TestProgress(t *testing.T) {
	var out strings.Builder
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	p := &Progress{w: &out, wait: 10 * time.Second, now: func() time.Time { return now }}
	const gib = 1 << 30
	for i := range 41 {
		p.Bytes("fetching weights", 100*gib+int64(i)*gib/2, 376*gib)
		now = now.Add(time.Second)
	}
	p.Text("trying again")
	p.Bytes("fetching weights", 376*gib, 376*gib)
	p.Bytes("fetching weights", 376*gib, 376*gib)
	p.Bytes("writing image", 5<<20, 0)
	p.Close()
	const want = `03:04:05  fetching weights  100.0 GiB of 376.0 GiB (26 %)
03:04:15  fetching weights  105.0 GiB of 376.0 GiB (27 %)  537 MB/s  9 min left
03:04:25  fetching weights  110.0 GiB of 376.0 GiB (29 %)  537 MB/s  9 min left
03:04:35  fetching weights  115.0 GiB of 376.0 GiB (30 %)  537 MB/s  9 min left
03:04:45  fetching weights  120.0 GiB of 376.0 GiB (31 %)  537 MB/s  9 min left
03:04:46  trying again
03:04:46  fetching weights  376.0 GiB of 376.0 GiB (100 %)
03:04:46  writing image  5.0 MiB
`
	if out.String() != want {
		t.Errorf("got:\n%s", out.String())
	}
}

// On a terminal one line is drawn anew, and ends before the next.
func TestProgressOnATerminal(t *testing.T) {
	var out strings.Builder
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	p := &Progress{w: &out, term: true, wait: time.Second, now: func() time.Time { return now }}
	p.Bytes("a", 1<<30, 2<<30)
	now = now.Add(2 * time.Second)
	p.Bytes("a", 2<<30, 2<<30)
	p.Bytes("b", 1<<20, 0)
	p.Close()
	if got, want := out.String(), "\ra  1.0 GiB of 2.0 GiB (50 %)\ra  2.0 GiB of 2.0 GiB (100 %)  537 MB/s\ra  2.0 GiB of 2.0 GiB (100 %)  537 MB/s\n\rb  1.0 MiB\rb  1.0 MiB\n"; got != want {
		t.Errorf("got %q", got)
	}
}
