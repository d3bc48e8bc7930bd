package main

import (
	"fmt"
	"math"
	"time"
)

// A row is one piece of work at growing sizes.
type row struct {
	name  string // as in Benchmark…/unit=size
	work  string // in words, at the size that counts
	unit  string // of the sizes
	sizes []int  // ascending
	// counts is the size that targets are for.
	counts int
	// floorName says what the floor is, "" where there is none.
	floorName string
	// available says why the row cannot be measured here; nil: it always can.
	available func(*lab) error
	// prepare makes what work of a size needs, once; it may be nil.
	prepare func(l *lab, size int) error
	// do does the work once, and floor what nothing of the kind can be faster
	// than. A floor is measured at the size that counts.
	do, floor func(l *lab, size int) (sample, error)
	// rounds bounds how often it is done, 0: as often as the rest.
	rounds  int
	targets []target
	// growing says that memory may grow with the work.
	growing bool
	// fixed says that time does not depend on the size: there is no exponent.
	fixed bool
}

// A sample is one measurement. Extra holds further figures by their unit.
type sample struct {
	Wall  time.Duration
	CPU   time.Duration
	RSS   int64 // peak, bytes
	Bytes int64 // that were read or written, 0 where it says nothing
	Extra map[string]float64
}

// A target is what a row should reach. Its figure must not be above most.
type target struct {
	says string
	// of returns the figure, and what it is a figure of.
	of   func(*figures) float64
	most float64
	unit string
	// rival is the figure of another tool, 0 where the floor counts.
	rival float64
}

// seconds asks for a time.
func seconds(most float64) target {
	return target{says: fmt.Sprintf("%s or less", duration(most)), of: (*figures).seconds, most: most, unit: "s"}
}

// within asks for a time of so many times the floor's.
func within(times float64) target {
	return target{says: fmt.Sprintf("within %g times", times), of: (*figures).ratio, most: times, unit: "x"}
}

// faster asks for a time by so many times shorter than that of another tool, in
// seconds on the same kind of machine.
func faster(times float64, who string, rival float64) target {
	return target{
		says: fmt.Sprintf("%g times faster than %s (%s, a constant)", times, who, duration(rival)),
		of:   func(f *figures) float64 { return f.seconds() * times / rival }, most: 1, unit: "of the time allowed", rival: rival,
	}
}

// memory asks for a peak, at the size that counts and at all smaller ones.
func memory(mebibytes float64) target {
	return target{
		says: fmt.Sprintf("%g MiB or less", mebibytes),
		of:   func(f *figures) float64 { return f.mebibytes() }, most: mebibytes, unit: "MiB",
	}
}

// rate asks for so many bytes a second of one processor.
func rate(bytesPerS float64) target {
	return target{
		says: fmt.Sprintf("%g GB/s a core or more", bytesPerS/1e9),
		of:   func(f *figures) float64 { return bytesPerS / f.bytesPerCPU() }, most: 1, unit: "of the time allowed",
	}
}

// extra asks for a further figure of the samples.
func extra(unit, says string, most float64) target {
	return target{says: says, of: func(f *figures) float64 { return f.extra(unit) }, most: most, unit: unit}
}

func duration(s float64) string {
	switch {
	case math.IsNaN(s):
		return "-"
	case s < 1e-3:
		return fmt.Sprintf("%.3g µs", s*1e6)
	case s < 1:
		return fmt.Sprintf("%.3g ms", s*1e3)
	}
	return fmt.Sprintf("%.3g s", s)
}
