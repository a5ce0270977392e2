package engine

import (
	"github.com/vectorizer-go/vectorizer/engine/store"
)

// applyEffect shows one durable op in v. Order matters to readers, who take no
// lock: an id is there before its row can be found, a row cannot be found before
// its id goes, and an id that moves is in both rows for a moment, not in none.
func (c *collection) applyEffect(v *view, f *effect) {
	sh := c.shadow.Load()
	if f.deleted {
		v.remove(f.row, sh)
	} else if err := v.upsert(f, sh); err != nil {
		c.quarantine("the index refused a committed row: " + err.Error())
		return
	}
	v.ids.Publish()
	c.tailOps.Add(1)
}

// upsert shows f's record; sh is the graph of a running reindex, or nil.
func (v *view) upsert(f *effect, sh *shadow) error {
	if f.prev != store.NoRow && f.prev != f.row {
		v.moves.Add(1)
		defer v.moves.Add(1)
	}
	if f.prev != f.row {
		v.ids.Set(f.row, f.id)
	}
	if f.hasPayload || f.prev != f.row {
		v.index.Set(f.row, f.payload)
	}
	if f.vec != nil {
		if sh != nil {
			if err := sh.put(f.row, f.vec); err != nil {
				return err
			}
		}
		if err := v.put(f.row, f.vec); err != nil {
			return err
		}
	}
	if f.prev != store.NoRow && f.prev != f.row {
		v.remove(f.prev, sh) // update_mode reinsert: the old row goes
	}
	return nil
}

// remove hides row.
func (v *view) remove(row uint32, sh *shadow) {
	if sh != nil {
		sh.remove(row)
	}
	v.graph.Delete(row)
	v.index.Clear(row)
	v.ids.Clear(row)
}
