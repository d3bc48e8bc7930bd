package main

import (
	"bytes"
	"fmt"
	"math"
	"os"
	"runtime"
	"strings"
	"text/tabwriter"
)

// A table shows figures: what was reached, then how work grows.
type table struct{ reach, growth [][]string }

func newTable(list []*figures) *table {
	t := &table{
		reach:  [][]string{{"work", "figure", "floor or rival", "ratio", "reach", "reached"}},
		growth: [][]string{{"row", "sizes", "time", "CPU", "exponent", "peak MiB", "reached"}},
	}
	for _, f := range list {
		if f.err != nil {
			t.reach = append(t.reach, []string{f.row.work, "-", "-", "-", firstLine(f.err), "not measured"})
			continue
		}
		t.targets(f)
		t.grows(f)
	}
	return t
}

func firstLine(err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return line
}

func (t *table) targets(f *figures) {
	for i, g := range f.targets {
		work := ""
		if i == 0 {
			work = f.row.work
		}
		got := g.of(f)
		beside, ratio := "-", "-"
		switch {
		case g.rival > 0:
			beside, ratio = duration(g.rival), fmt.Sprintf("1/%.3g", g.rival/f.seconds())
		case f.floorName != "":
			beside, ratio = fmt.Sprintf("%s %s", f.floorName, duration(f.floor())), fmt.Sprintf("%.3g", f.ratio())
		}
		t.reach = append(t.reach, []string{work, g.figure(f, got), beside, ratio, g.says, yes(got <= g.most)})
	}
}

// figure is what a target is held against, in its unit.
func (g target) figure(f *figures, got float64) string {
	switch g.unit {
	case "s", "x":
		return duration(f.seconds())
	case "of the time allowed":
		if b := f.bytesPerCPU(); b > 0 && g.rival == 0 {
			return fmt.Sprintf("%.3g GB/s a core", b/1e9)
		}
		return duration(f.seconds())
	}
	return fmt.Sprintf("%.3g %s", got, g.unit)
}

func yes(ok bool) string {
	if ok {
		return "yes"
	}
	return "no"
}

// mostExponent is how much faster than linear work may grow.
const mostExponent = 1.1

func (t *table) grows(f *figures) {
	var sizes, times, cpus, peaks []string
	for _, size := range f.sizes {
		sizes = append(sizes, fmt.Sprint(size))
		times = append(times, duration(median(f.work[size], wall)))
		cpus = append(cpus, duration(median(f.work[size], cpu)))
		peaks = append(peaks, fmt.Sprintf("%.0f", median(f.work[size], rss)))
	}
	exponent, reached := "-", "-"
	if e := f.exponent(); !math.IsNaN(e) {
		exponent, reached = fmt.Sprintf("%.2f", e), yes(e <= mostExponent && (f.growing || f.flat()))
	}
	t.growth = append(t.growth, []string{f.name, strings.Join(sizes, " / ") + " " + f.unit, strings.Join(times, " / "), strings.Join(cpus, " / "), exponent, strings.Join(peaks, " / "), reached})
}

// flat reports whether the peak stays the same while the work grows sixteenfold.
func (f *figures) flat() bool {
	first, last := median(f.work[f.sizes[0]], rss), median(f.work[f.sizes[len(f.sizes)-1]], rss)
	return last <= 1.25*first+8
}

// load is the load average of the machine, in which other work shows.
func load() string {
	text, err := os.ReadFile("/proc/loadavg")
	if f := strings.Fields(string(text)); err == nil && len(f) > 2 {
		return f[2]
	}
	return "unknown"
}

func (t *table) text() string {
	var b bytes.Buffer
	for i, part := range [][][]string{t.reach, t.growth} {
		if i > 0 {
			b.WriteByte('\n')
		}
		w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
		for _, line := range part {
			fmt.Fprintln(w, strings.Join(line, "\t"))
		}
		w.Flush()
	}
	return b.String()
}

func (t *table) markdown() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s/%s, %d processors, %s. Load of the last quarter of an hour: %s.\n", runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), runtime.Version(), load())
	for _, part := range [][][]string{t.reach, t.growth} {
		b.WriteByte('\n')
		for i, line := range part {
			fmt.Fprintf(&b, "| %s |\n", strings.Join(line, " | "))
			if i == 0 {
				b.WriteString(strings.Repeat("|---", len(line)) + "|\n")
			}
		}
	}
	return b.String()
}
