package main

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"golang.org/x/perf/benchfmt"
)

// store keeps the samples as DATE.txt and the table as DATE.md.
func store(dir string, now time.Time, list []*figures, t *table) error {
	var b strings.Builder
	fmt.Fprintf(&b, "date: %s\ngoos: %s\ngoarch: %s\npkg: github.com/llmbench/llmbench\ncpus: %d\n", now.UTC().Format(time.RFC3339), runtime.GOOS, runtime.GOARCH, runtime.NumCPU())
	for _, f := range list {
		for _, size := range f.sizes {
			for i, s := range f.work[size] {
				line(&b, benchName(f.row, size, ""), s, f.beside(size, i))
			}
		}
		for _, s := range f.floors {
			line(&b, benchName(f.row, f.counts, "/floor"), s, nil)
		}
	}
	name := filepath.Join(dir, now.UTC().Format(time.DateOnly))
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	return errors.Join(
		os.WriteFile(name+".txt", []byte(b.String()), 0o666),
		os.WriteFile(name+".md", []byte("# "+now.UTC().Format(time.DateOnly)+"\n\n"+t.markdown()), 0o666),
	)
}

func benchName(r *row, size int, more string) string {
	return fmt.Sprintf("Benchmark%s/%s=%d%s", r.name, r.unit, size, more)
}

// floorUnit is the unit of a time as a ratio to the floor of its round, which
// other machines and their load change little.
const floorUnit = "x-floor"

// beside is the ratio of a sample to the floor of its round.
func (f *figures) beside(size, round int) map[string]float64 {
	if size != f.counts || round >= len(f.floors) {
		return nil
	}
	return map[string]float64{floorUnit: f.work[size][round].Wall.Seconds() / f.floors[round].Wall.Seconds()}
}

// line writes a sample in Go's benchmark format.
func line(w io.Writer, name string, s sample, more map[string]float64) {
	fmt.Fprintf(w, "%s\t1\t%d ns/op\t%d cpu-ns/op\t%d peak-RSS-bytes", name, s.Wall.Nanoseconds(), s.CPU.Nanoseconds(), s.RSS)
	if s.Bytes > 0 {
		fmt.Fprintf(w, "\t%.2f MB/s", float64(s.Bytes)/1e6/s.Wall.Seconds())
	}
	for _, m := range []map[string]float64{s.Extra, more} {
		for _, unit := range slices.Sorted(maps.Keys(m)) {
			fmt.Fprintf(w, "\t%.5g %s", m[unit], unit)
		}
	}
	fmt.Fprintln(w)
}

// slower is by how much a median must be above the kept one to be told.
const slower = 1.3

// compare tells what became slower since the last figures that were kept: by
// the ratio to the floor where there is one, else by time.
func compare(w io.Writer, dir string, list []*figures) error {
	kept, name, err := lastKept(dir)
	if err != nil || kept == nil {
		return err
	}
	said := false
	for _, f := range list {
		key, now := benchName(f.row, f.counts, ""), f.seconds()
		was := kept[key]["sec/op"]
		if f.floor() > 0 && len(kept[key][floorUnit]) > 0 {
			was, now = kept[key][floorUnit], f.ratio()
		}
		if before := middle(was); f.err == nil && before > 0 && now > slower*before {
			fmt.Fprintf(w, "%s is %.1f times slower than in %s.\n", f.name, now/before, name)
			said = true
		}
	}
	if !said {
		fmt.Fprintf(w, "Nothing is slower by more than %.0f %% than in %s.\n", 100*(slower-1), name)
	}
	return nil
}

// lastKept reads the newest samples: by benchmark, then by unit.
func lastKept(dir string) (map[string]map[string][]float64, string, error) {
	names, err := filepath.Glob(filepath.Join(dir, "*.txt"))
	if err != nil || len(names) == 0 {
		return nil, "", err
	}
	newest := slices.Max(names)
	f, err := os.Open(newest)
	if err != nil {
		return nil, "", err
	}
	defer f.Close()
	out := map[string]map[string][]float64{}
	for r := benchfmt.NewReader(f, newest); r.Scan(); {
		one, ok := r.Result().(*benchfmt.Result)
		if !ok {
			continue
		}
		key := "Benchmark" + one.Name.String()
		if out[key] == nil {
			out[key] = map[string][]float64{}
		}
		for _, v := range one.Values {
			out[key][v.Unit] = append(out[key][v.Unit], v.Value)
		}
	}
	return out, newest, nil
}

func middle(v []float64) float64 {
	if len(v) == 0 {
		return 0
	}
	v = slices.Sorted(slices.Values(v))
	return v[len(v)/2]
}
