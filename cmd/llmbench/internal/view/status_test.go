package view

import (
	"testing"
	"time"

	"github.com/llmbench/llmbench/plan"
	"github.com/llmbench/llmbench/plan/estimate"
)

func TestStandingExpects(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	ago := func(s int) *time.Time { at := now.Add(-time.Duration(s) * time.Second); return &at }
	half := 0.5
	e := &plan.Estimate{StartupSeconds: &estimate.Interval{Mid: 300}, MeasureSeconds: &estimate.Interval{Mid: 60}}
	for name, c := range map[string]struct {
		s    Standing
		e    *plan.Estimate
		want float64 // -1 for none
	}{
		"loads weights":  {Standing{Since: ago(100)}, e, 260},
		"measures":       {Standing{Since: ago(400), Progress: &half}, e, 30},
		"takes too long": {Standing{Since: ago(900)}, e, 0},
		"not started":    {Standing{}, e, -1},
		"no estimate":    {Standing{Since: ago(1)}, nil, -1},
	} {
		c.s.expect(c.e, now)
		if (c.s.ETA == nil) != (c.want < 0) || c.s.ETA != nil && *c.s.ETA != c.want {
			t.Errorf("%s: %v, want %v", name, c.s.ETA, c.want)
		}
	}
}
