package plan

import "github.com/llmbench/llmbench/plan/estimate"

// Idle is for how many GPU-hours the nodes of slots that are done should wait for
// the longest slot of their pack, nil where that is not known of all packs.
func (p *Plan) Idle() *estimate.Interval {
	runs := make(map[string]*Run, len(p.Runs))
	for _, r := range p.Runs {
		runs[r.Address] = r
	}
	sum := &estimate.Interval{}
	for _, pack := range p.Packs {
		var low, mid, high []float64
		for _, slot := range pack.Slots {
			queue := estimate.Interval{}
			for _, address := range slot {
				e := runs[address].Estimate
				if e == nil || e.GPUHours == nil {
					return nil
				}
				queue.Low, queue.Mid, queue.High = queue.Low+e.GPUHours.Low, queue.Mid+e.GPUHours.Mid, queue.High+e.GPUHours.High
			}
			low, mid, high = append(low, queue.Low), append(mid, queue.Mid), append(high, queue.High)
		}
		sum.Low, sum.Mid, sum.High = sum.Low+lacking(low), sum.Mid+lacking(mid), sum.High+lacking(high)
	}
	return sum
}

// lacking is what all lack together to the greatest of them.
func lacking(list []float64) float64 {
	sum, greatest := 0.0, 0.0
	for _, x := range list {
		sum, greatest = sum+x, max(greatest, x)
	}
	return greatest*float64(len(list)) - sum
}

// sideBySide reports whether packs have several slots.
func (p *Plan) sideBySide() bool {
	for _, pack := range p.Packs {
		if pack.SideBySide() > 1 {
			return true
		}
	}
	return false
}
