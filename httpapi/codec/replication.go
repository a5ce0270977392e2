package codec

import (
	"time"

	"github.com/vectorizer-go/vectorizer/replication"
)

// DecodeReplication reads the body of POST /replication/configure.
func DecodeReplication(d *Decoder, s *replication.Settings) error {
	known := fieldSet{"role", "bind_address", "master_address", "heartbeat_interval", "log_size"}
	err := d.object(known, func(key []byte) (ok bool, err error) {
		var n int
		switch string(key) {
		case "role":
			s.Role, err = d.String()
		case "bind_address":
			s.Bind, err = d.String()
		case "master_address":
			s.Master, err = d.String()
		case "heartbeat_interval": // seconds
			n, err = d.Int(1, 3600)
			s.Heartbeat = time.Duration(n) * time.Second
		case "log_size":
			n, err = d.Int(1, 1<<40)
			s.LogEntries = uint64(n) //nolint:gosec // it is in range
		default:
			return false, nil
		}
		return true, err
	})
	if err != nil {
		return err
	}
	return d.End()
}

// Failover is the body of POST /cluster/failover.
type Failover struct {
	Replica   string
	MaxLag    uint64 // log entries the replica may be behind when it begins
	Unclean   bool
	TimeoutMS int
}

// defaultMaxLag is what a replica catches up with in about a second.
const defaultMaxLag = 10000

// Decode reads the body; an absent one is an empty object.
func (q *Failover) Decode(d *Decoder) error {
	q.MaxLag = defaultMaxLag
	if d.empty() {
		return nil
	}
	known := fieldSet{"replica_id", "max_lag_segments", "max_lag_operations", "unclean", "timeout_ms"}
	err := d.object(known, func(key []byte) (ok bool, err error) {
		switch string(key) {
		case "replica_id":
			q.Replica, err = d.String()
		case "max_lag_segments", "max_lag_operations":
			var n int
			n, err = d.Int(0, 1<<40)
			q.MaxLag = uint64(n) //nolint:gosec // it is in range
		case "unclean":
			q.Unclean, err = d.Bool()
		case "timeout_ms":
			q.TimeoutMS, err = d.Int(1, 3_600_000)
		default:
			return false, nil
		}
		return true, err
	})
	if err != nil {
		return err
	}
	return d.End()
}
