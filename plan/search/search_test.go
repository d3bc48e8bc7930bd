package search

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

const goalMetric, boundMetric = "speed", "delay"

func candidates(n int) []Candidate {
	var list []Candidate
	for i := range n {
		x := float64(i) / float64(n-1)
		list = append(list, Candidate{
			Address: fmt.Sprint("run", i), UseCase: "chat", Position: []float64{x}, Options: []string{fmt.Sprint("kernel=", i%2)},
			Predicted: map[string]float64{goalMetric: 100 + 100*x, boundMetric: 10 + 40*x},
		})
	}
	return list
}

func goal(most float64) Goal {
	return Goal{Metric: goalMetric, Bounds: []Bound{{Metric: boundMetric, Max: &most}}, MaxRuns: 8, MaxGPUHours: 100, Samples: 1}
}

func exact(string) bool { return false }

func each(samples []int) float64 { return 2 * float64(len(samples)) }

func sample(speed, delay float64) map[string]float64 {
	return map[string]float64{goalMetric: speed, boundMetric: delay}
}

func TestFirstOfEachOption(t *testing.T) {
	d := Next(goal(1000), candidates(20), 0.02, Spent{}, exact, each)
	said := map[string]bool{}
	for _, c := range d.Next {
		said[c.Reason] = true
	}
	for _, o := range []string{"kernel=0", "kernel=1"} {
		if !said["first with "+o+", which predictions do not see"] {
			t.Errorf("nothing is measured with %s: %+v", o, d.Next)
		}
	}
}

func TestDoubtAtABound(t *testing.T) {
	for _, c := range []struct {
		delay   float64
		samples int
		more    bool
		best    string
	}{
		{19, 1, false, "run5"}, {20.3, 1, true, ""}, {19.8, 1, true, "run5"}, {22, 1, false, ""},
		{20.3, 4, false, ""}, {19.8, 4, false, "run5"},
	} {
		list := candidates(20)
		for range c.samples {
			list[5].Samples = append(list[5].Samples, sample(150, c.delay))
		}
		list[5].Tried = true
		d := Next(goal(20), list, 0.02, Spent{Runs: 1}, exact, each)
		more := false
		for _, n := range d.Next {
			more = more || n.Address == "run5" && n.Samples == c.samples+1
		}
		if more != c.more {
			t.Errorf("delay %g after %d samples: another sample %t, want %t: %+v", c.delay, c.samples, more, c.more, d.Next)
		}
		best := ""
		for _, b := range d.Best {
			best = b.Address
		}
		if best != c.best {
			t.Errorf("delay %g after %d samples: the best is %q, want %q", c.delay, c.samples, best, c.best)
		}
	}
	list := candidates(20) // a better one is certain: nobody asks about the doubtful one
	list[5].Samples, list[5].Tried = []map[string]float64{sample(150, 19.8)}, true
	list[4].Samples, list[4].Tried = []map[string]float64{sample(160, 15)}, true
	for _, n := range Next(goal(20), list, 0.02, Spent{Runs: 2}, exact, each).Next {
		if n.Address == "run5" {
			t.Errorf("another sample of what is not the best: %+v", n)
		}
	}
}

func TestBudget(t *testing.T) {
	g := goal(1000)
	for _, c := range []struct {
		spent Spent
		most  int
	}{{Spent{Runs: 8}, 0}, {Spent{Runs: 7}, 1}, {Spent{GPUHours: 98.5}, 0}, {Spent{GPUHours: 97.9}, 1}} {
		d := Next(g, candidates(20), 0.02, c.spent, exact, each)
		if len(d.Next) != c.most {
			t.Errorf("%+v: %d chosen, want %d", c.spent, len(d.Next), c.most)
		}
		if c.most == 0 && d.State != BudgetSpent {
			t.Errorf("%+v: state %s", c.spent, d.State)
		}
	}
	list := candidates(20) // neither for another sample
	list[5].Samples, list[5].Tried = []map[string]float64{sample(150, 19.8)}, true
	for hours, want := range map[float64]State{98.1: BudgetSpent, 98: Open} {
		if d := Next(goal(20), list, 0.02, Spent{Runs: 8, GPUHours: hours}, exact, each); d.State != want {
			t.Errorf("a doubt with %g of 100 GPU-hours spent: %s", hours, d.State)
		}
	}
}

// Of two runs that promise as much, the one comes next that costs less because it shares
// a job with one that is next; a job's cost is reserved once.
func TestRunsThatShareAJob(t *testing.T) {
	list := candidates(20)
	for i := range list {
		list[i].Options = nil
		list[i].Position = []float64{float64(i % 10)}
		list[i].Predicted = map[string]float64{goalMetric: 200 - 20*float64(i%10), boundMetric: 20}
	}
	list[19].Predicted[goalMetric] = 201
	shared := func(samples []int) float64 {
		sum, jobs := 0.0, map[bool]bool{}
		for _, i := range samples {
			if sum++; !jobs[i < 10] {
				sum, jobs[i < 10] = sum+2, true
			}
		}
		return sum
	}
	for _, c := range []struct {
		cost  func([]int) float64
		hours float64
		want  string
	}{
		{each, 100, "run19 run0"}, {shared, 100, "run19 run10"}, {shared, 4, "run19 run10"}, {shared, 3.9, "run19"}, {shared, 2.9, ""},
	} {
		g := goal(1000)
		g.MaxGPUHours = c.hours
		var got []string
		for _, n := range Next(g, list, 0.02, Spent{}, exact, c.cost).Next {
			got = append(got, n.Address)
			if strings.Contains(n.Reason, "in a job with others it adds 1.0 GPU-hours instead of 3.0") != (n.Address == "run10") {
				t.Errorf("%s: %s", n.Address, n.Reason)
			}
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("with %g GPU-hours %s are next, want %s", c.hours, got, c.want)
		}
	}
}

func TestSamplesOfTheBest(t *testing.T) {
	g := goal(1000)
	g.Samples = 3
	list := candidates(4)
	for i, speed := range []float64{100, 150, 199, 200} {
		list[i].Samples, list[i].Tried = []map[string]float64{sample(speed, 10)}, true
	}
	d := Next(g, list, 0.02, Spent{Runs: 4}, exact, each)
	if len(d.Next) != 2 || d.Next[0].Address != "run2" || d.Next[1].Address != "run3" || d.Next[0].Samples != 3 {
		t.Errorf("asks for %+v", d.Next)
	}
}

// Samples of one shared engine tell as much as one, and are not measured again.
func TestSamplesOfOneEngine(t *testing.T) {
	g := goal(1000)
	g.Samples = 3
	list := candidates(4)
	for i, speed := range []float64{100, 150, 170, 200} {
		list[i].Samples, list[i].Tried = []map[string]float64{sample(speed, 10)}, true
	}
	list[3].Counted = 2
	d := Next(g, list, 0.02, Spent{Runs: 4}, exact, each)
	if len(d.Next) != 1 || d.Next[0].Address != "run3" || d.Next[0].Samples != 3 {
		t.Errorf("asks for %+v", d.Next)
	}
	list[3].Counted = 3
	if d = Next(g, list, 0.02, Spent{Runs: 4}, exact, each); d.State != Done || d.Best[0].High < 208 {
		t.Errorf("%s, best %+v", d.State, d.Best)
	}
}

func TestMinimizeAndFailures(t *testing.T) {
	g := Goal{Metric: boundMetric, Minimize: true, MaxRuns: 8, MaxGPUHours: 100, Samples: 1}
	list := candidates(3)
	list[0].Failed = "out_of_memory"
	list[1].Samples, list[2].Samples = []map[string]float64{sample(1, 30)}, []map[string]float64{sample(1, 50)}
	d := Next(g, list, 0.02, Spent{}, exact, each)
	if d.State != Done || len(d.Best) != 1 || d.Best[0].Address != "run1" || d.NotMeasured[0].Reason != "failed: out_of_memory" {
		t.Errorf("%+v", d)
	}
}

func TestNothingMeetsTheBounds(t *testing.T) {
	list := candidates(20)
	spent := Spent{}
	for range 8 {
		d := Next(goal(1), list, 0.02, spent, exact, each)
		if d.State != Open {
			if d.State != Infeasible || !strings.Contains(d.NotMeasured[0].Reason, "above the bound 1") {
				t.Errorf("%s: %+v", d.State, d.NotMeasured)
			}
			return
		}
		for _, c := range d.Next {
			for i := range list {
				if list[i].Address == c.Address {
					list[i].Samples, list[i].Tried = []map[string]float64{sample(150, list[i].Predicted[boundMetric])}, true
					spent.Runs++
				}
			}
		}
	}
	t.Error("goes on for ever")
}

// TestFrontier also has the bound that stops the next better one.
func TestFrontier(t *testing.T) {
	list := candidates(4)
	for i, s := range []map[string]float64{sample(100, 10), sample(150, 15), sample(140, 18), sample(200, 30)} {
		list[i].Samples = []map[string]float64{s}
	}
	b := Next(goal(20), list, 0.02, Spent{}, exact, each).Best[0]
	if got := strings.Join(b.Frontier, " "); got != "run3 run1 run0" {
		t.Errorf("frontier %s", got)
	}
	if b.Address != "run1" || b.Better != "run3" || b.Stops != "delay = 30, above 20" {
		t.Errorf("%+v", b)
	}
}

// Candidates within the bounds that noise does not tell from the best are tied with it.
func TestTied(t *testing.T) {
	list := candidates(5)
	for i, s := range []map[string]float64{sample(200, 10), sample(200, 15), sample(190, 18), sample(188, 18), sample(199, 30)} {
		list[i].Samples = []map[string]float64{s}
	}
	b := Next(goal(20), list, 0.02, Spent{}, exact, each).Best[0]
	if want := []Reasoned{{"run1", "equal"}, {"run2", "less apart than noise explains"}}; b.Address != "run0" || !slices.Equal(b.Tied, want) {
		t.Errorf("%s is tied with %+v, want %+v", b.Address, b.Tied, want)
	}
}
