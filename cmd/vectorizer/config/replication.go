package config

import (
	"net"
	"strings"
	"time"
)

// Replication says what part the node takes in a replicated set.
type Replication struct {
	Role      string // standalone, master or replica
	Bind      string // host:port to listen on for peers; "" = not
	Advertise string // host:port under which peers reach Bind; "" = Bind
	Master    string // host:port that a replica follows
	Secret    string // shared by all nodes

	TLSCert string // files in PEM; all three together
	TLSKey  string
	TLSCA   string

	Heartbeat    time.Duration
	PeerTimeout  time.Duration
	Reconnect    time.Duration // first pause before connecting again
	LaggingAfter time.Duration

	LogEntries int   // kept for replicas that are away
	LogBytes   int64 // the same in bytes
	LogAge     time.Duration
	CopyRate   int64 // bytes per second of a full copy; 0 = unlimited

	Compress      bool
	ForwardWrites bool
	Stats         bool
}

func replicationSettings(c *Config) []*Setting {
	r := &c.Replication
	all := []*Setting{
		newSetting("replication.role", "standalone",
			"Part in a replicated set: standalone, master, or replica of a master",
			choice(&r.Role, "standalone", "master", "replica")).as("replication-role"),
		newSetting("replication.bind_address", "",
			"Host and port to listen on for other nodes; a master needs it, and a replica that may become one",
			text(&r.Bind, "host:port, or nothing", validHostPort)),
		newSetting("replication.advertise_address", "",
			"Host and port under which other nodes reach this one, if not replication.bind_address",
			text(&r.Advertise, "host:port, or nothing", validHostPort)),
		newSetting("replication.master_address", "", "Host and port of the master that a replica follows",
			text(&r.Master, "host:port, or nothing", validHostPort)),
		newSetting("replication.secret", "",
			"Secret that all nodes share; a node that does not know it gets nothing",
			secret(&r.Secret)),
		newSetting("replication.tls_cert", "", "Certificate of this node for other nodes, a file in PEM",
			text(&r.TLSCert, "a path, or nothing", anyText)),
		newSetting("replication.tls_key", "", "Key of replication.tls_cert, a file in PEM",
			text(&r.TLSKey, "a path, or nothing", anyText)),
		newSetting("replication.tls_ca", "",
			"Authority that signed the certificates of all nodes, a file in PEM; "+
				"nodes then prove themselves to each other",
			text(&r.TLSCA, "a path, or nothing", anyText)),
		newSetting("replication.heartbeat_interval", "10s", "Time between signs of life of a master",
			duration(&r.Heartbeat, 10*time.Millisecond, time.Hour)),
		newSetting("replication.replica_timeout", "1m",
			"Silence after which a connection to another node is given up",
			duration(&r.PeerTimeout, 50*time.Millisecond, 24*time.Hour)),
		newSetting("replication.reconnect_interval", "100ms",
			"First pause before a replica connects again; it doubles up to 10s, with jitter",
			duration(&r.Reconnect, time.Millisecond, 10*time.Second)),
		newSetting("replication.lagging_after", "1s", "Lag from which a replica is shown as Lagging",
			duration(&r.LaggingAfter, time.Millisecond, time.Hour)),
	}
	return append(all, replicationLimits(r)...)
}

func replicationLimits(r *Replication) []*Setting {
	return []*Setting{
		newSetting("replication.log_size", "1000000",
			"Log entries kept at most for replicas that are away; beyond it they get a full copy",
			number(&r.LogEntries, 1, 1<<40)),
		newSetting("replication.log_bytes", "1GiB", "The same in bytes",
			size(&r.LogBytes, mib, 1024*gib)),
		newSetting("replication.log_age", "24h", "The same in time",
			duration(&r.LogAge, time.Second, 365*24*time.Hour)),
		newSetting("replication.snapshot_rate", "0B",
			"Bytes per second of a full copy; 0B is as fast as it goes",
			size(&r.CopyRate, 0, 1024*gib)),
		newSetting("replication.compress", "false", "Compress what goes to other nodes with zstd",
			toggle(&r.Compress)),
		newSetting("replication.forward_writes", "false",
			"Send writes that reach a replica on to the master instead of refusing them",
			toggle(&r.ForwardWrites)),
		newSetting("replication.stats_enabled", "true", "Measure replication and answer the statistics routes",
			toggle(&r.Stats)),
	}
}

// anyText accepts everything.
func anyText(string) bool { return true }

// validHostPort accepts host:port and nothing.
func validHostPort(s string) bool {
	if s == "" {
		return true
	}
	host, port, err := net.SplitHostPort(s)
	return err == nil && port != "" && !strings.ContainsAny(host, " /")
}
