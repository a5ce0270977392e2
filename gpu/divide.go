package gpu

// maxHalfK is the largest k on tensor cores: the lists must hold the rows of the sample's
// k-th best with room for those whose bounds overlap.
const maxHalfK = 128

// halfMost is the largest k on tensor cores with lists of that length.
func halfMost(o *Options) int { return min(maxHalfK, o.ListKeys/8) }

// want is how many results query q wants. The request is the caller's.
func (t *task) want(q int) int {
	if t.req.Ks == nil {
		return t.slots
	}
	return t.req.Ks[q]
}

// countHalfable notes how many queries tensor cores may answer and the most results that
// one of those wants.
func (t *task) countHalfable(o *Options) {
	most := halfMost(o)
	for q := range t.queries {
		if k := t.want(q); k <= most {
			t.halfable++
			t.halfK = max(t.halfK, k)
		}
	}
}

// divide names the queries of a pass of n: those for tensor cores, if they are used, and
// those for f32. Queries of large k leave the others of their batch where they are.
func (t *task) divide(l *lane, n int, half bool) error {
	cores, full := l.which[0][:0], l.which[1][:0]
	err := t.j.borrow(func() {
		most := halfMost(l.o)
		for q := l.first; q < l.first+n; q++ {
			if half && t.want(q) <= most {
				cores = append(cores, q)
			} else {
				full = append(full, q)
			}
		}
	})
	l.which = [2][]int{cores, full}
	return err
}
