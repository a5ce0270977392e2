package sim

import "github.com/vectorizer-go/vectorizer/replication"

// entry is one entry of a simulated log.
type entry struct {
	epoch   uint64
	value   uint64 // what was written
	rolling uint64
}

// next makes the entry that follows prev.
func next(prev entry, epoch, value uint64) entry {
	z := prev.rolling ^ (epoch*0x9e3779b97f4a7c15 + value)
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return entry{epoch, value, z ^ z>>31}
}

// disk is what a node has written. Entries beyond synced are lost in a crash.
type disk struct {
	entries []entry // entries[offset]; the first stands for the empty log
	synced  uint64  // last offset that survives a crash
	first   int     // first offset that is kept for replicas
	branch  string
	copies  int // how often it was replaced as a whole
	promise replication.Promise
}

// last is the last offset written.
func (d *disk) last() uint64 { return uint64(len(d.entries) - 1) }

func (d *disk) position(offset uint64) replication.Position {
	e := d.entries[offset]
	return replication.Position{Epoch: max(e.epoch, 1), Offset: offset, Rolling: e.rolling}
}

// tip is the last durable position, as far as the node knows.
func (d *disk) tip() replication.Position { return d.position(d.last()) }

// crash forgets what was not synced.
func (d *disk) crash() { d.entries = d.entries[:d.synced+1] }

// continues reports whether list follows what is here, as engine.ApplyLog does.
func (d *disk) continues(first uint64, list []entry) bool {
	if first != d.last()+1 {
		return false
	}
	prev := d.entries[d.last()]
	for _, e := range list {
		if e != next(prev, e.epoch, e.value) || e.epoch < prev.epoch {
			return false
		}
		prev = e
	}
	return true
}
