package node

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/vectorizer-go/vectorizer/replication"
)

// stateFile is what a node remembers beside its data, in the data directory.
const stateFile = "REPLICATION"

// state is its content. It belongs to this node: a full copy does not change it.
type state struct {
	// The configuration under which the promise was made. Another configuration
	// is an operator's word, and goes before what a failover decided.
	ConfigRole   string `json:"config_role"`
	ConfigMaster string `json:"config_master"`

	Role    string              `json:"role"`
	Promise replication.Promise `json:"promise"`
	// Set by configure while running; zero values leave the configuration's.
	Bind       string        `json:"bind,omitempty"`
	Heartbeat  time.Duration `json:"heartbeat,omitempty"`
	LogEntries uint64        `json:"log_entries,omitempty"`
}

// readState returns the state; a directory without one has the zero state.
func readState(dir string) (state, error) {
	var s state
	b, err := os.ReadFile(filepath.Join(dir, stateFile))
	if errors.Is(err, os.ErrNotExist) {
		return s, nil
	}
	if err != nil {
		return s, fmt.Errorf("read the replication state: %w", err)
	}
	return decodeState(b)
}

func decodeState(b []byte) (state, error) {
	var s state
	if err := json.Unmarshal(b, &s); err != nil {
		return s, fmt.Errorf("%s is damaged: %w", stateFile, err)
	}
	role, ok := replication.ParseRole(s.Role)
	if !ok {
		return s, fmt.Errorf("%s is damaged: role %q", stateFile, s.Role)
	}
	s.Promise.Role = role
	return s, nil
}

// write makes s durable.
func (s *state) write(dir string) error {
	s.Role = s.Promise.Role.Word()
	b, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return err
	}
	return writeDurable(dir, stateFile, append(b, '\n'))
}

// writeDurable replaces dir/name so that a crash leaves the old content or the new.
func writeDurable(dir, name string, b []byte) (err error) {
	tmp := filepath.Join(dir, name+".tmp")
	f, err := os.OpenFile(tmp, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err := os.Rename(tmp, filepath.Join(dir, name)); err != nil {
		return err
	}
	return syncDir(dir)
}
