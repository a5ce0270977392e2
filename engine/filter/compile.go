package filter

import (
	"slices"
	"sync"
)

// Program is a Filter compiled for evaluation: one walk over the payload sets a
// flag for every condition that a value satisfies, then the tree of and, or and
// not is worked out over the flags. It is immutable and safe for use by many
// goroutines.
type Program struct {
	tree   step
	leaves []leaf
	root   trie // of the payload's keys
	pool   sync.Pool
}

// step is one node of the tree of a Program.
type step struct {
	op   op
	min  int // of opAtLeast
	leaf int // of opLeaf
	ids  *idSet
	kids []step
}

type op uint8

const (
	opAnd     op = iota
	opAtLeast    // at least min of kids
	opNot        // not kids[0]
	opLeaf
	opHasID
)

// trie tells a walk over a payload where the conditions' values are.
type trie struct {
	leaves []int // conditions on the value reached
	names  []named
	every  *trie
	index  []indexed
}

type named struct {
	name string
	to   *trie
}

type indexed struct {
	n  int
	to *trie
}

func compile(root Node) *Program {
	p := &Program{}
	p.tree = p.add(root)
	p.pool.New = func() any { return newWalker(p) }
	return p
}

// add compiles n and what is below it.
func (p *Program) add(n Node) step {
	switch n := n.(type) {
	case *And:
		return step{op: opAnd, kids: p.addAll(n.Of)}
	case *Or:
		return step{op: opAtLeast, min: n.Min, kids: p.addAll(n.Of)}
	case *Not:
		return step{op: opNot, kids: []step{p.add(n.Of)}}
	case *HasID:
		return step{op: opHasID, ids: newIDSet(n.IDs)}
	}
	key, l := compileLeaf(n)
	t := p.root.reach(key.Steps())
	t.leaves = append(t.leaves, len(p.leaves))
	p.leaves = append(p.leaves, l)
	return step{op: opLeaf, leaf: len(p.leaves) - 1}
}

func (p *Program) addAll(list []Node) []step {
	kids := make([]step, 0, len(list))
	for _, n := range list {
		kids = append(kids, p.add(n))
	}
	return kids
}

// reach returns the trie node at the end of steps, making those that miss.
func (t *trie) reach(steps []Step) *trie {
	if len(steps) == 0 {
		panic("BUG: filter: condition without a key")
	}
	for _, s := range steps {
		t = t.child(s)
	}
	return t
}

func (t *trie) child(s Step) *trie {
	switch s.Kind {
	case StepEvery:
		if t.every == nil {
			t.every = &trie{}
		}
		return t.every
	case StepIndex:
		for _, c := range t.index {
			if c.n == s.Index {
				return c.to
			}
		}
		to := &trie{}
		t.index = append(t.index, indexed{s.Index, to})
		return to
	}
	for _, c := range t.names {
		if c.name == s.Name {
			return c.to
		}
	}
	to := &trie{}
	t.names = append(t.names, named{s.Name, to})
	return to
}

// named returns the child of that name, or nil.
func (t *trie) named(name []byte) *trie {
	for i := range t.names {
		if c := &t.names[i]; c.name == string(name) {
			return c.to
		}
	}
	return nil
}

// fewValues is up to how many values a list is compared one by one.
const fewValues = 8

// idSet is a set of strings.
type idSet struct {
	few  []string
	many map[string]struct{}
}

func newIDSet(list []string) *idSet {
	if len(list) <= fewValues {
		return &idSet{few: slices.Clone(list)}
	}
	s := &idSet{many: make(map[string]struct{}, len(list))}
	for _, id := range list {
		s.many[id] = struct{}{}
	}
	return s
}

func (s *idSet) has(id string) bool {
	if s.many != nil {
		_, ok := s.many[id]
		return ok
	}
	return slices.Contains(s.few, id)
}

func (s *idSet) hasBytes(id []byte) bool {
	if s.many != nil {
		_, ok := s.many[string(id)]
		return ok
	}
	for _, x := range s.few {
		if x == string(id) {
			return true
		}
	}
	return false
}
