package main

import (
	"fmt"
	"io"
	"text/tabwriter"
	"time"
)

// topology is the part of GET /replication/status that the table shows.
type topology struct {
	Role     string `json:"role"`
	Enabled  bool   `json:"enabled"`
	NodeID   string `json:"node_id"`
	Epoch    uint64 `json:"epoch"`
	Writable bool   `json:"writable"`
	Position struct {
		Offset uint64 `json:"offset"`
	} `json:"position"`
	Address peerAddress    `json:"address"`
	Master  *peerAddress   `json:"master"`
	Stats   *topologyStats `json:"stats"`
	Nodes   []topologyNode `json:"replicas"`
	Kept    []struct {
		Name   string `json:"name"`
		Reason string `json:"reason"`
		Bytes  int64  `json:"bytes"`
	} `json:"kept"`
}

type peerAddress struct {
	Peer string `json:"peer"`
	API  string `json:"api"`
}

type topologyStats struct {
	LagMS    *float64   `json:"lag_ms"`
	Lag      *uint64    `json:"lag_operations"`
	LastSync *time.Time `json:"last_sync"`
	Copy     *struct {
		Reason string `json:"reason"`
		Done   int64  `json:"bytes_done"`
		Total  int64  `json:"bytes_total"`
	} `json:"full_sync"`
}

type topologyNode struct {
	ID      string     `json:"id"`
	Address string     `json:"address"`
	Status  string     `json:"status"`
	LagMS   *float64   `json:"lag_ms"`
	Lag     uint64     `json:"lag"`
	Offset  uint64     `json:"offset"`
	InSync  bool       `json:"in_sync"`
	Heard   *time.Time `json:"last_heartbeat"`
}

// writeTopology prints the replicated set as the server sees it: itself first,
// then its replicas or its master.
func writeTopology(w io.Writer, r *topology) error {
	if r == nil || !r.Enabled {
		return nil
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "\nNODE\tROLE\tADDRESS\tSTATUS\tEPOCH\tOFFSET\tBEHIND\tLAG\tIN SYNC\tHEARD\n")
	lag, behind, own := "-", "-", "takes writes"
	if !r.Writable {
		own = "reads only"
	}
	if r.Role == "Replica" && r.Stats != nil {
		lag = millisText(r.Stats.LagMS)
		if r.Stats.Lag != nil {
			behind = fmt.Sprint(*r.Stats.Lag)
		}
		if c := r.Stats.Copy; c != nil {
			own = fmt.Sprintf("full copy (%s) %d of %d bytes", printable(c.Reason), c.Done, c.Total)
		}
	}
	fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%d\t%d\t%s\t%s\t-\t-\n", printable(r.NodeID), printable(r.Role),
		orDash(printable(r.Address.Peer)), own, r.Epoch, r.Position.Offset, behind, lag)
	if r.Master != nil {
		fmt.Fprintf(t, "-\tMaster\t%s\t%s\t-\t-\t-\t-\t-\t-\n", orDash(printable(r.Master.Peer)),
			orDash(printable(r.Master.API)))
	}
	for i := range r.Nodes {
		n := &r.Nodes[i]
		heard := "-"
		if n.Heard != nil {
			heard = time.Since(*n.Heard).Round(100*time.Millisecond).String() + " ago"
		}
		fmt.Fprintf(t, "%s\tReplica\t%s\t%s\t-\t%d\t%d\t%s\t%v\t%s\n", printable(n.ID), printable(n.Address),
			printable(n.Status), n.Offset, n.Lag, millisText(n.LagMS), n.InSync, heard)
	}
	for _, k := range r.Kept {
		fmt.Fprintf(t, "\nkept for inspection: %s (%s, %d bytes)", printable(k.Name), printable(k.Reason), k.Bytes)
	}
	if len(r.Kept) > 0 {
		fmt.Fprintln(t)
	}
	return t.Flush()
}

func millisText(ms *float64) string {
	if ms == nil {
		return "-"
	}
	return time.Duration(*ms * float64(time.Millisecond)).Round(100 * time.Microsecond).String()
}
