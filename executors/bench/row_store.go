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
			name: name, work: work, unit: "results", sizes: []int{1000, 3000, 10_000}, counts: 10_000, growing: true,
			prepare: prepareStore,
			do:      func(l *lab, size int) (sample, error) { return l.overStore(size, args...) },
			targets: []target{seconds(1), memory(512)},
		}
	}
	more := read("PlanOver", "plan of 10,000 runs over a store that has them", "plan")
	more.floorName = "the same plan without a store"
	more.floor = func(l *lab, size int) (sample, error) {
		return l.llmbench("plan", "-store="+l.path("no-store"), measuredDir(l, size))
	}
	more.targets = []target{{
		says: "1 s more or less", of: func(f *figures) float64 { return f.seconds() - f.floor() }, most: 1, unit: "s more",
	}, memory(512)}
	first := read("PlanFirst", "the same without a cache", "plan")
	first.rounds = 2
	first.targets = []target{seconds(10), memory(512)}
	first.do = func(l *lab, size int) (sample, error) {
		if err := os.RemoveAll(l.path(storeName(size), "cache")); err != nil {
			return sample{}, err
		}
		return l.overStore(size, "plan")
	}
	document := read("ResultsJSON", "results of 10,000 runs as JSON", "results", "-format=json")
	document.targets = []target{seconds(1), memory(1024)}
	return []*row{
		more, first, document,
		read("Status", "status of 10,000 runs that were measured", "status"),
		read("Results", "results of 10,000 runs", "results"),
	}
}

func storeName(size int) string { return fmt.Sprint("store-", size) }

func measuredDir(l *lab, size int) string { return l.path(fmt.Sprint("measured-", size)) }

// overStore runs a command of llmbench on the store of a size.
func (l *lab) overStore(size int, args ...string) (sample, error) {
	return l.llmbench(append(args, "-store="+l.path(storeName(size)), measuredDir(l, size))...)
}

// prepareStore fills a store, and has its cache made.
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
	time.Sleep(3 * time.Second) // what is too new enters no cache
	_, err = l.overStore(size, "plan")
	return err
}
