// Package hnsw is a navigable small-world graph (Malkov and Yashunin 2016,
// "Efficient and robust approximate nearest neighbor search using Hierarchical
// Navigable Small World graphs") that is changed while it is searched.
//
// # Rows
//
// A row is in one of these states:
//
//	free     not alive, not linked: Put may take it (TakeFree hands it out)
//	pending  alive, waiting for a linker; every search scans it exactly
//	alive    alive and linked
//	dead     deleted, still linked: searches pass through it, none returns it
//
// Put makes a row pending, linkers make it alive, Delete makes it dead (or free
// when it was never linked), the repair pass makes it free.
//
// # Invariants
//
//	H1  Every link that a reader can see is a row below Rows() or NoRow, and a
//	    link block is read up to its first NoRow. Any mixture of an old and a
//	    new list is therefore harmless.
//	H2  The bytes of a row exist before any link, pending slot or entry point
//	    names it.
//	H3  A pending slot is cleared after the row's links are complete; a search
//	    reads the slots before the graph. So a row is met in one or the other.
//	H4  A stamp is odd while its row's vector is written and grows with every
//	    change. A search returns a distance only if the stamp shows that the
//	    vector did not change since the search began; otherwise it computes the
//	    distance again between two equal even stamps.
//	H5  The memory of an index is one *memory value. It is either current, or
//	    frozen: growth beyond a reservation stops the linkers, copies, and
//	    publishes a new value; readers of the old one see a consistent past.
//	H6  A row is freed only after no link job that could have seen it alive is
//	    running and no list of a linked row names it.
//	H7  A row that is alive and linked is named by at least one list on layer 0,
//	    or is the entry: who changes a list keeps the last link to a row, or
//	    makes another one first. Without this, rows that nobody touches vanish
//	    from results while their neighbourhood is rewritten.
//	H8  A row has its own lists on all its levels before another row links to it:
//	    a walk that is led to it finds the way on.
//	H9  No goroutine holds two list locks.
//
// With codes (see package codes):
//
//	C1  A linked row has a code: it is written before the row is linked, or by the
//	    trainer before its codes are published.
//	C2  The code of a linked row may be that of an earlier vector only while the
//	    row is pending, and searches then compare its vector exactly. Codes are
//	    written and read without locks: a torn one gives one row a wrong place in
//	    one walk, and what a walk finds is ranked by vectors.
//	C3  Codes are published while no link job runs, so a job sees one model.
//
// # Early ends
//
//	E1  A walk that ends early expands the rows that one with a longer list expands
//	    first, in the same order: what insertions show of it is what it finds.
//	E2  Nothing ends early before enough insertions were watched, beside dead rows,
//	    under a filter, by inner products, or by codes that only lead the way.
package hnsw
