package estimate

import (
	"container/heap"
	"math"
)

// A generation is the cohorts of a rank that generate. What they attend to
// grows by the same in every iteration until one of them turns, so that nothing
// has to be looked at in between.
type generation struct {
	size     int     // requests
	attended float64 // tokens that they attend to in the next iteration, summed
	slope    float64 // by how much that grows an iteration
	clock    int     // iterations so far
	turns    turns
}

// A course is how a cohort that generates goes on from its last turn: a bend in
// what it attends to, or its end.
type course struct {
	from, turn, end int     // on the clock of its generation
	position        int     // of its next token, at from
	attended, slope float64 // of one of its requests, at from
}

// add begins with a cohort whose prompt has just brought its first token.
func (g *generation) add(s *Scenario, c *cohort) {
	c.end = g.clock + c.osl - 1
	c.position = c.isl + 1
	g.size += len(c.ids)
	g.enter(s, c)
}

// enter sends a cohort on its course from c.position.
func (g *generation) enter(s *Scenario, c *cohort) {
	p := float64(c.position)
	c.from = g.clock
	c.attended, c.slope = s.attended(p), s.slope(p)
	c.turn = c.end
	if bend := s.bend(c.position); bend < c.end-g.clock {
		c.turn = g.clock + bend
	}
	k := float64(len(c.ids))
	g.attended += k * c.attended
	g.slope += k * c.slope
	heap.Push(&g.turns, c)
}

// leave takes out what a cohort adds to the sums.
func (g *generation) leave(c *cohort) {
	k := float64(len(c.ids))
	g.attended -= k * (c.attended + c.slope*float64(g.clock-c.from))
	g.slope -= k * c.slope
	c.position += g.clock - c.from
}

// calm is for how many iterations no cohort turns.
func (g *generation) calm() int {
	if len(g.turns) == 0 {
		return math.MaxInt
	}
	return g.turns[0].turn - g.clock
}

// mean is what is attended to in the mean of the next n iterations, none of
// which is a turn.
func (g *generation) mean(n int) float64 { return g.attended + g.slope*float64(n-1)/2 }

// advance lets n iterations go by, at most until the next turn, and returns the
// cohorts that end with them.
func (g *generation) advance(s *Scenario, n int) (ended []*cohort) {
	g.clock += n
	g.attended += g.slope * float64(n)
	for len(g.turns) > 0 && g.turns[0].turn <= g.clock {
		c := heap.Pop(&g.turns).(*cohort)
		g.leave(c)
		if c.end > g.clock {
			g.enter(s, c)
			continue
		}
		g.size -= len(c.ids)
		ended = append(ended, c)
	}
	return ended
}

// turns is a heap of cohorts, the next to turn first.
type turns []*cohort

func (t turns) Len() int           { return len(t) }
func (t turns) Less(i, j int) bool { return t[i].turn < t[j].turn }
func (t turns) Swap(i, j int)      { t[i], t[j] = t[j], t[i] }
func (t *turns) Push(c any)        { *t = append(*t, c.(*cohort)) }
func (t *turns) Pop() any {
	last := len(*t) - 1
	c := (*t)[last]
	(*t)[last] = nil
	*t = (*t)[:last]
	return c
}
