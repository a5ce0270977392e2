package codes

import "slices"

// Kind says how many bits a component takes.
type Kind uint8

// The kinds.
const (
	None   Kind = iota // no codes: searches read full vectors
	SQ8                // eight bits
	Auto               // what is narrowest and finds the same neighbours, else none
	SQ4                // four bits, with a scale of its own for each row
	Binary             // one bit, with a scale of its own for each row
)

var names = [...]string{None: "none", SQ8: "sq8", Auto: "auto", SQ4: "sq4", Binary: "binary"}

// Bits is how wide a code is. None and Auto have no width.
func (k Kind) Bits() int {
	switch k {
	case SQ8:
		return 8
	case SQ4:
		return 4
	case Binary:
		return 1
	}
	panic("BUG: codes: no width of " + k.String())
}

// room is how many codes a row of stride bytes holds.
func (k Kind) room(stride int) int { return (stride - trailerBytes) * 8 / k.Bits() }

// String returns the kind's name as ParseKind takes it.
func (k Kind) String() string { return names[k] }

// Valid reports whether k is one of the kinds.
func (k Kind) Valid() bool { return int(k) < len(names) }

// ParseKind returns the kind of that name.
func ParseKind(name string) (Kind, bool) {
	i := slices.Index(names[:], name)
	return Kind(max(i, 0)), i >= 0
}

// Takes reports whether codes of m are what k asks for.
func (k Kind) Takes(m *Model) bool { return k == m.kind || k == Auto && m.Faithful() }
