package hdf5

import "bytes"

// nodesMax bounds the nodes visited of one tree, so that a damaged one ends.
const nodesMax = 1 << 20

// symbolTable adds the links of a group that a version 1 B-tree and a local heap
// hold (specification, III.A.1, III.B, III.D).
func (f *File) symbolTable(tree, heap uint64) error {
	head, err := f.block("local heap", heap, 32)
	if err != nil {
		return err
	}
	c := cursor{b: head}
	if string(c.bytes(4)) != "HEAP" {
		return f.bad("root group", "local heap", "its signature", "another")
	}
	c.skip(4)
	size := c.u64()
	c.skip(8)
	names, err := f.block("local heap", c.u64(), size)
	if err != nil {
		return err
	}
	return f.tree(tree, 0, 8, func(_ []byte, child uint64) error { return f.symbolNode(child, names) })
}

// symbolNode adds the links of one leaf of a group.
func (f *File) symbolNode(at uint64, names []byte) error {
	head, err := f.block("symbol table node", at, 8)
	if err != nil {
		return err
	}
	c := cursor{b: head}
	if string(c.bytes(4)) != "SNOD" {
		return f.bad("root group", "symbol table node", "its signature", "another")
	}
	c.skip(2)
	const entry = 40
	n := c.u16()
	body, err := f.block("symbol table node", at+8, uint64(n)*entry)
	if err != nil {
		return err
	}
	c = cursor{b: body}
	for range n {
		name, header := c.u64(), c.u64()
		c.skip(entry - 16)
		if name >= uint64(len(names)) {
			return f.bad("root group", "name of an entry", "a place in the heap", name)
		}
		text, _, _ := bytes.Cut(names[name:], []byte{0})
		f.links[string(text)] = header
	}
	return nil
}

// tree calls leaf for every entry of a version 1 B-tree: its key of keyBytes and
// its child (specification, III.A.1).
func (f *File) tree(root uint64, nodeType, keyBytes int, leaf func(key []byte, child uint64) error) error {
	type node struct {
		at    uint64
		level int // -1 for any
	}
	todo := []node{{root, -1}}
	for visited := 0; len(todo) > 0; visited++ {
		if visited == nodesMax {
			return f.bad("", "nodes of a B-tree", "at most 1048576", "more")
		}
		one := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		head, err := f.block("B-tree node", one.at, 24)
		if err != nil {
			return err
		}
		c := cursor{b: head}
		if string(c.bytes(4)) != "TREE" {
			return f.bad("", "B-tree node", "its signature", "another")
		}
		kind, level, n := c.u8(), c.u8(), c.u16()
		if kind != nodeType || one.level >= 0 && level != one.level {
			return f.bad("", "B-tree node", "its type and level", "another")
		}
		body, err := f.block("B-tree node", one.at+24, uint64(n)*uint64(keyBytes+8))
		if err != nil {
			return err
		}
		c = cursor{b: body}
		for range n {
			key, child := c.bytes(keyBytes), c.u64()
			if level > 0 {
				todo = append(todo, node{child, level - 1})
			} else if err := leaf(key, child); err != nil {
				return err
			}
		}
	}
	return nil
}

// linkMessage adds a link that the header holds (specification, IV.A.2.g). Links
// to other files and names are left out.
func (f *File) linkMessage(body []byte) error {
	c := cursor{b: body}
	c.skip(1)
	flags, kind := c.u8(), 0
	if flags&8 != 0 {
		kind = c.u8()
	}
	if flags&4 != 0 {
		c.skip(8)
	}
	if flags&16 != 0 {
		c.skip(1)
	}
	n := c.number(1 << (flags & 3))
	name := c.bytes(int(min(n, blockMax)))
	at := c.u64()
	if kind != 0 {
		return nil
	}
	if c.short {
		return f.short("root group", "link message")
	}
	f.links[string(name)] = at
	return nil
}
