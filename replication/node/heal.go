package node

import (
	"slices"
	"time"

	"github.com/vectorizer-go/vectorizer/engine"
	"github.com/vectorizer-go/vectorizer/replication"
)

// healPoll is how often a replica looks for damage.
const healPoll = time.Second

// heal has a replica fetch a full copy when a collection of it is damaged: its
// master has the same data whole. What is damaged after a copy too came from the
// master, and is left alone.
func (n *Node) heal() {
	var tried []string // damaged when a copy was last asked for
	for n.ctx.Err() == nil {
		n.pause(healPoll)
		if replication.Role(n.role.Load()) != replication.Replica || !n.following() {
			continue
		}
		l := n.slot.Acquire()
		bad := quarantined(l.Engine)
		l.Release()
		fresh := slices.ContainsFunc(bad, func(name string) bool { return !slices.Contains(tried, name) })
		if !fresh {
			continue
		}
		tried = bad
		n.log.Warn().Strs("collections", bad).Msg("collections are damaged: a full copy of the master follows")
		n.post(&replication.Resync{Damaged: true})
	}
}

// quarantined lists the collections that are damaged.
func quarantined(e *engine.Engine) []string {
	var bad []string
	for _, c := range e.Collections() {
		if c.State == engine.StateQuarantined {
			bad = append(bad, c.Name)
		}
	}
	return bad
}
