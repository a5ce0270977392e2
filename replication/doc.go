// Package replication is the protocol by which nodes keep the same log: the
// messages, and Core, the state machine that decides. Core has no clock, no I/O
// and no goroutines: whoever runs it feeds it events and carries out its actions,
// in order. The server (replication/node) and the simulator (replication/sim) run
// the same Core.
//
// A position is (history, epoch, offset, rolling checksum). Epochs are terms of
// masters; a node promises an epoch durably before it acts on it, and from then on
// takes nothing from a lower one.
//
// Invariants:
//
//	P1  A node never follows, acknowledges or votes for an epoch below its promise.
//	P2  A replica acknowledges as durable only what is on its disk.
//	P3  Entries are applied once, in order, and only if they continue the log:
//	    next offset, checksum of everything before.
//	P4  A write with a concern is confirmed only by replicas that hold it durably,
//	    in the epoch of the master that confirms it. Two confirmations of one
//	    replica count once; "all" of nobody is not enough.
//	P5  A master that meets a higher epoch takes no more writes.
//	P6  A log that is not a prefix of the master's is replaced as a whole, never
//	    merged.
package replication
