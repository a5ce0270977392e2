package main

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strconv"

	"github.com/rs/zerolog"

	"github.com/vectorizer-go/vectorizer/cmd/vectorizer/config"
	"github.com/vectorizer-go/vectorizer/engine"
	"github.com/vectorizer-go/vectorizer/replication"
	"github.com/vectorizer-go/vectorizer/replication/node"
)

// nodeOptions translates the configuration for replication. api is where the HTTP
// server listens.
func nodeOptions(
	c *config.Config, slot *engine.Slot, api net.Addr, log zerolog.Logger,
) (node.Options, error) {
	r := &c.Replication
	role, ok := replication.ParseRole(r.Role)
	if !ok {
		return node.Options{}, fmt.Errorf("BUG: role %q", r.Role)
	}
	o := node.Options{
		Slot: slot, Dir: c.DataDir, Role: role, Master: r.Master, Bind: r.Bind, Advertise: r.Advertise,
		API: apiURL(c.Server, r, api), Secret: []byte(r.Secret), Compress: r.Compress,
		Heartbeat: r.Heartbeat, PeerTimeout: r.PeerTimeout, ReconnectMin: r.Reconnect,
		LaggingAfter: r.LaggingAfter, LogEntries: uint64(r.LogEntries), //nolint:gosec // it is in range
		LogBytes: r.LogBytes, LogAge: r.LogAge, CopyRate: r.CopyRate, NoStats: !r.Stats,
		Logger: log.With().Str("component", "replication").Logger(),
	}
	var err error
	o.TLSServer, o.TLSClient, err = peerTLS(r)
	return o, err
}

// apiURL is where clients reach the HTTP server, as far as the node can know: a
// server that listens on every address is reached where its peers are.
func apiURL(s config.Server, r *config.Replication, api net.Addr) string {
	host, port, err := net.SplitHostPort(api.String())
	if err != nil {
		return ""
	}
	if ip, err := netip.ParseAddr(host); err == nil && ip.IsUnspecified() {
		host, _, _ = net.SplitHostPort(s.Dial())
		for _, peer := range []string{r.Advertise, r.Bind} {
			if h, _, err := net.SplitHostPort(peer); err == nil && h != "" {
				if ip, err := netip.ParseAddr(h); err != nil || !ip.IsUnspecified() {
					host = h
					break
				}
			}
		}
	}
	if _, err := strconv.Atoi(port); err != nil {
		return ""
	}
	return "http://" + net.JoinHostPort(host, port)
}

// peerTLS makes the TLS configurations for peers; none without files. With an
// authority both sides must prove themselves.
func peerTLS(r *config.Replication) (server, client *tls.Config, err error) {
	if r.TLSCert == "" && r.TLSKey == "" && r.TLSCA == "" {
		return nil, nil, nil
	}
	if r.TLSCert == "" || r.TLSKey == "" || r.TLSCA == "" {
		return nil, nil, errors.New("replication.tls_cert, tls_key and tls_ca belong together: set all three")
	}
	cert, err := tls.LoadX509KeyPair(r.TLSCert, r.TLSKey)
	if err != nil {
		return nil, nil, fmt.Errorf("replication.tls_cert: %w", err)
	}
	pem, err := os.ReadFile(r.TLSCA)
	if err != nil {
		return nil, nil, fmt.Errorf("replication.tls_ca: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, nil, fmt.Errorf("replication.tls_ca: %s holds no certificate", r.TLSCA)
	}
	server = &tls.Config{MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{cert},
		ClientCAs: pool, ClientAuth: tls.RequireAndVerifyClientCert}
	client = &tls.Config{MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{cert}, RootCAs: pool}
	return server, client, nil
}
