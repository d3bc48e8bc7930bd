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

// count is a whole number that is not negative, 0 for anything else.
func count(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil || n < 0 {
		return 0
	}
	return n
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
