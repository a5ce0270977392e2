// Package engine takes commands and returns hits. It owns the collections, the
// one write path, recovery and query planning.
//
// # The write path
//
// Every change, from whatever surface, goes the same way:
//
//  1. The caller's goroutine finds the collection, checks every op (names,
//     dimension, finite numbers, ids, payload), copies what is kept, scales
//     vectors to unit length under cosine, and puts a command on the bounded
//     queue (write.go, validate.go, commit.go).
//  2. One committer takes everything that waits, as a group (commitLoop). It
//     stages each command on a txn: it reads the record that is there, takes a
//     row, and adds the record, the log entry and the position to one Pebble
//     batch (txn.go). Ops fail one by one.
//  3. The batch is committed and synced: one fsync for the group.
//  4. The effects are applied to memory in order: id table, payload index, graph
//     (apply.go). Then the callers are answered.
//
// Creating, renaming, changing, reindexing and deleting collections are commands
// like any other, so they are in the log and in order with writes.
//
// # The read path
//
// A reader finds the collection without a lock and takes a reference to its view
// (graph, id table, payload index). A search takes the graph's epoch, lets the
// planner choose a scan or the graph and, with a filter, asks the payload index
// for a bitmap (planner.go, filtered.go). Hits are rows; each is named by the id
// table and then checked: a row that changed since the epoch makes the search
// run again (search.go). Only searches that ask for payloads or vectors, and
// point reads, touch the store (get.go).
//
// # Starting
//
// Open locks the directory, opens the store, reads the catalogue and returns.
// Each collection then opens its image (graph, ids, payload index) and applies
// the log entries after it, or is rebuilt from its records (load.go, tail.go,
// imagefile.go). An image is a fuzzy checkpoint, written beside the service.
//
// # Invariants
//
//	W1   A commit is one Pebble batch: records, log entries and the position
//	     after them. What is in one of them is in all of them.
//	W2   Log offsets are dense and in commit order; each entry carries the
//	     rolling checksum of the log up to it.
//	W3   A caller is answered after its commit is durable (fsync: always) and
//	     visible: a read that starts after the answer sees it.
//	W4   Memory shows a commit only after it is durable. A read of the store that
//	     meets a commit under way waits for it (Engine.read, Engine.settle), so
//	     nothing that was read disappears in a crash.
//	W5   Only the committer changes the store, the catalogue and the rows in use.
//	W6   A row belongs to at most one id. A freed row is given out again only
//	     after no link of the graph leads to it.
//	W7   An id is in the table before its row can be found; a row cannot be
//	     found before its id goes.
//	W8   Every log entry up to an image's offset is in the image; a log entry
//	     says what its rows are afterwards, so applying it again changes nothing.
//	W9   The log keeps every entry that some image does not hold.
//	W10  An image file is named by the store only after it is whole and synced,
//	     and removed only after the store names another.
//	W11  Damaged bytes are never skipped: a damaged record quarantines its
//	     collection, a damaged image or log makes the index be rebuilt from
//	     records, and both say so.
//	W12  After a write to disk failed, nothing more is written; reads go on.
//	W13  A view is freed by the last of its users, never under one.
//
// It does not interpret filters (package filter), walk graphs (index/hnsw), know
// devices (it is given backends), or speak HTTP.
package engine
