package trtllm

import (
	"math"
	"strconv"
)

// float is a finite number, nil for anything else.
func float(s string) *float64 {
	v, err := strconv.ParseFloat(s, 64)
	if err != nil || math.IsInf(v, 0) || math.IsNaN(v) {
		return nil
	}
	return &v
}

// fraction is a number from 0 to 1, nil for anything else.
func fraction(s string) *float64 {
	if v := float(s); v != nil && *v >= 0 && *v <= 1 {
		return v
	}
	return nil
}

// count is a whole number that is not negative, 0 for anything else.
func count(s string) int {
	n, err := strconv.ParseUint(s, 10, 31)
	if err != nil {
		return 0
	}
	return int(n)
}

// wholeLength is a length without what is behind its point, 0 if it cannot be one.
func wholeLength(v float64) int {
	if !(v >= 0 && v < 1<<31) {
		return 0
	}
	return int(v)
}

// whenCounted is count with nil for anything else.
func whenCounted(s string) *int {
	if n, err := strconv.Atoi(s); err == nil {
		return &n
	}
	return nil
}

func zeroOr(f *float64) float64 {
	if f == nil {
		return 0
	}
	return *f
}

// noneOr is a value as the report prints it, nil where it stands for none.
func noneOr(s string) *string {
	if s == "None" || s == "N/A" {
		return nil
	}
	return &s
}
