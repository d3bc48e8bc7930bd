package main

import (
	"fmt"
	"os"
	"strings"
	"time"
)

// storeRows read a store in which every run of the matrix was measured.
func storeRows() []*row {
	read := func(name, work string, args ...string) *row {
		return &row{
			name: name, work: work, unit: "results", sizes: []int{1000, 10_000, 100_000}, counts: 100_000, growing: true,
			prepare: prepareStore,
			do:      func(l *lab, size int) (sample, error) { return l.overStore(size, args...) },
			targets: []target{seconds(5), memory(1024)},
		}
	}
	more := read("PlanOver", "plan of 100,000 runs over a store that has them", "plan")
	more.floorName = "the same plan without a store"
	more.floor = func(l *lab, size int) (sample, error) {
		return l.llmbench("plan", "-store="+l.path("no-store"), measuredDir(l, size))
	}
	more.targets = []target{{
		says: "2 s more or less", of: func(f *figures) float64 { return f.seconds() - f.floor() }, most: 2, unit: "s more",
	}, memory(768)}
	first := read("PlanFirst", "the same of 16,000 runs without an index", "plan")
	first.sizes, first.counts, first.rounds = []int{1000, 4000, 16_000}, 16_000, 2
	first.targets = []target{seconds(16), memory(256)}
	first.do = func(l *lab, size int) (sample, error) {
		if err := os.RemoveAll(l.path(storeName(size), "index")); err != nil {
			return sample{}, err
		}
		return l.overStore(size, "plan")
	}
	document := read("ResultsJSON", "results of 16,000 runs as JSON", "results", "-format=json")
	document.sizes, document.counts, document.rounds = first.sizes, first.counts, first.rounds
	document.targets = []target{seconds(8), memory(256)}
	return []*row{
		more, first, document,
		read("Status", "status of 100,000 runs that were measured", "status"),
		read("Results", "results of 100,000 runs", "results"),
	}
}

func storeName(size int) string { return fmt.Sprint("store-", size) }

func measuredDir(l *lab, size int) string { return l.path(fmt.Sprint("measured-", size)) }

// overStore runs a command of llmbench on the store of a size.
func (l *lab) overStore(size int, args ...string) (sample, error) {
	return l.llmbench(append(args, "-store="+l.path(storeName(size)), measuredDir(l, size))...)
}

// prepareStore fills a store, and has its index made.
func prepareStore(l *lab, size int) error {
	if l.kept[storeName(size)] != nil {
		return nil
	}
	l.kept[storeName(size)] = true
	dir := measuredDir(l, size)
	if err := writeMatrix(dir, matrixAxes(size)); err != nil {
		return err
	}
	text, err := os.ReadFile(dir + "/main.hcl")
	if err != nil {
		return err
	}
	named := strings.Replace(string(text), "\n  partition = ", fmt.Sprintf("\n  cluster   = %q\n  partition = ", storeCluster), 1)
	if err := os.WriteFile(dir+"/main.hcl", []byte(named), 0o666); err != nil {
		return err
	}
	if _, err := l.child("fill", size, dir, l.path(storeName(size))); err != nil {
		return err
	}
	time.Sleep(3 * time.Second) // what is too new enters no index
	_, err = l.overStore(size, "plan")
	return err
}
