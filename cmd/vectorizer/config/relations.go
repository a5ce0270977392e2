package config

import (
	"net/netip"
	"strings"
)

// relations checks what no single setting can.
func (l *loader) relations(c *Config, from map[string]string) {
	if !c.Server.InsecureListen && !IsLoopback(c.Server.Host) {
		l.problems = append(l.problems, Problem{
			Field: "server.host", Source: from["server.host"],
			Expected: "a loopback address such as 127.0.0.1", Given: quote(c.Server.Host),
			Hint: "this version asks nobody for credentials: everyone who reaches that address " +
				"could read and delete everything; --insecure-listen allows it",
		})
	}
	if c.Limits.InflightBytes < c.Limits.BodyBytes {
		l.problems = append(l.problems, Problem{
			Field: "limits.inflight", Source: from["limits.inflight"],
			Expected: "at least limits.body, " + FormatSize(c.Limits.BodyBytes),
			Given:    FormatSize(c.Limits.InflightBytes),
		})
	}
}

// IsLoopback reports whether host is reachable from this machine only. Of the
// names, only localhost is trusted to be.
func IsLoopback(host string) bool {
	addr, err := netip.ParseAddr(unbracket(host))
	if err != nil {
		return strings.EqualFold(strings.TrimSuffix(host, "."), "localhost")
	}
	return addr.Unmap().IsLoopback()
}
