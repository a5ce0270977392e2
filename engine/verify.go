package engine

import (
	"context"
	"errors"
	"fmt"

	"github.com/vectorizer-go/vectorizer/engine/errs"
	"github.com/vectorizer-go/vectorizer/engine/store"
)

// VerifyReport is what Verify found.
type VerifyReport struct {
	Path        string             `json:"path"`
	NodeID      string             `json:"node_id"`
	HistoryID   string             `json:"history_id"`
	Format      int                `json:"format"`
	Position    Position           `json:"position"`
	Collections []VerifyCollection `json:"collections"`
	LogEntries  int                `json:"log_entries"`
	LogFirst    uint64             `json:"log_first"`
	LogLast     uint64             `json:"log_last"`
	Records     int                `json:"records"`
	Problems    []VerifyProblem    `json:"problems"`
	Suppressed  int                `json:"suppressed"` // problems beyond maxProblems
}

// OK reports whether nothing is wrong.
func (r *VerifyReport) OK() bool { return len(r.Problems) == 0 }

// VerifyCollection counts one collection.
type VerifyCollection struct {
	Name        string `json:"name"`
	Records     int    `json:"records"`
	Bytes       int64  `json:"bytes"`
	ImageRows   int    `json:"image_rows"`   // -1 = no image
	ImageOffset uint64 `json:"image_offset"` // log offset the image is at
}

// VerifyProblem is one thing that is wrong.
type VerifyProblem struct {
	Where  string `json:"where"`  // "record", "log", "image", "catalogue", "store"
	What   string `json:"what"`   // which one
	Reason string `json:"reason"` // what is wrong with it
}

// maxProblems bounds a report: a disk that went bad has millions.
const maxProblems = 1000

// verifier checks one closed data directory.
type verifier struct {
	ctx    context.Context
	o      Options
	dir    *dataDir
	store  *store.Store
	report VerifyReport
	colls  map[uint32]*verifyColl
}

// verifyColl is what the checks of one collection share.
type verifyColl struct {
	meta collMeta
	out  VerifyCollection
	rows map[uint32]string
}

// Verify reads the whole data directory dir, which no process may have open, and
// checks every record, log entry and image, and that ids and rows are unique. It
// changes nothing. The error says that the directory could not be examined at
// all; damage is in the report.
func Verify(ctx context.Context, dir string, o Options) (VerifyReport, error) {
	o.Dir = dir
	if err := o.setDefaults(); err != nil {
		return VerifyReport{}, err
	}
	v := &verifier{ctx: ctx, o: o, colls: make(map[uint32]*verifyColl)}
	v.report.Path = dir
	v.report.Problems = []VerifyProblem{}
	if err := v.open(); err != nil {
		return v.report, err
	}
	err := v.check()
	return v.report, errors.Join(err, v.close())
}

// open locks the directory and opens the store read-only.
func (v *verifier) open() error {
	id, err := readIdentity(v.o.FS, v.o.Dir)
	if err != nil {
		return err
	}
	empty, err := (&dataDir{fs: v.o.FS, path: v.o.Dir, identity: id}).holdsNothing()
	if err != nil {
		return err
	}
	if !id.Complete && empty {
		return errs.New(errs.Configuration,
			"data directory %s was never completely created: it holds no data", v.o.Dir).
			With("path", v.o.Dir)
	}
	lock, err := lockDir(v.o.FS, v.o.Dir)
	if err != nil {
		return err
	}
	v.dir = &dataDir{fs: v.o.FS, path: v.o.Dir, lock: lock, identity: id}
	v.report.NodeID, v.report.HistoryID, v.report.Format = id.NodeID, id.HistoryID, id.Format
	v.store, err = store.Open(store.Options{
		FS: v.o.FS, Dir: v.dir.dbDir(), CacheBytes: v.o.CacheBytes, ReadOnly: true, Logger: v.o.Logger,
	})
	if err != nil {
		v.problem("store", v.dir.dbDir(), err)
	}
	return nil
}

func (v *verifier) close() error {
	var err error
	if v.store != nil {
		err = v.store.Close()
	}
	return errors.Join(err, v.dir.close())
}

func (v *verifier) problem(where, what string, err error) {
	if len(v.report.Problems) >= maxProblems {
		v.report.Suppressed++
		return
	}
	v.report.Problems = append(v.report.Problems, VerifyProblem{where, what, err.Error()})
}

// check runs every check; only cancellation ends it early.
func (v *verifier) check() error {
	if v.store == nil {
		return nil
	}
	pos, err := v.store.Position()
	if err != nil {
		v.problem("store", "applied position", err)
	}
	v.report.Position = Position{Epoch: pos.Epoch, Offset: pos.Offset}
	v.catalogue()
	if err := v.records(); err != nil {
		return err
	}
	if err := v.log(pos); err != nil {
		return err
	}
	v.images()
	for _, c := range v.sorted() {
		v.report.Collections = append(v.report.Collections, c.out)
	}
	return nil
}

func (v *verifier) catalogue() {
	err := v.store.Catalogue(func(id uint32, key, val []byte) error {
		c := &verifyColl{rows: make(map[uint32]string)}
		c.out.ImageRows = -1
		if err := store.DecodeJSON(key, val, &c.meta); err != nil {
			v.problem("catalogue", fmt.Sprintf("collection %d", id), err)
		}
		c.out.Name = c.meta.Config.Name
		v.colls[id] = c
		return nil
	})
	if err != nil {
		v.problem("catalogue", "catalogue", err)
	}
}

// records checks every record of every collection.
func (v *verifier) records() error {
	lo, hi := store.AllRecordBounds()
	it, err := v.store.Iter(lo, hi)
	if err != nil {
		v.problem("store", "records", err)
		return nil
	}
	n := 0
	for ok := it.First(); ok; ok = it.Next() {
		if n++; n%1024 == 0 && v.ctx.Err() != nil {
			return errors.Join(errContext(v.ctx), it.Close())
		}
		v.record(it.Key(), it.Value())
	}
	if err := it.Close(); err != nil {
		v.problem("store", "records", err)
	}
	return nil
}

func (v *verifier) record(key, val []byte) {
	v.report.Records++
	if len(key) < 6 {
		v.problem("record", fmt.Sprintf("key %q", key), store.Corrupt("key of %d bytes", len(key)))
		return
	}
	id := string(store.RecordID(key))
	c := v.colls[store.RecordColl(key)]
	if c == nil {
		v.problem("record", id, store.Corrupt("collection %d is not in the catalogue",
			store.RecordColl(key)))
		return
	}
	name := c.meta.Config.Name + "/" + id
	c.out.Records++
	c.out.Bytes += int64(len(key) + len(val))
	rec, err := store.DecodeRecord(key, val)
	if err != nil {
		v.problem("record", name, err)
		return
	}
	if len(rec.Vector) != 4*c.meta.Config.Dimension {
		v.problem("record", name, store.Corrupt("%d components, the collection has %d",
			len(rec.Vector)/4, c.meta.Config.Dimension))
	}
	if err := checkID(id); err != nil {
		v.problem("record", name, err)
	}
	if other, taken := c.rows[rec.Row]; taken {
		v.problem("record", name, store.Corrupt("shares row %d with %q", rec.Row, other))
	}
	c.rows[rec.Row] = id
	if rec.Offset > v.report.Position.Offset {
		v.problem("record", name, store.Corrupt("written at offset %d, after the end of the log %d",
			rec.Offset, v.report.Position.Offset))
	}
}

// log checks every entry, that none is missing, and the rolling checksum.
func (v *verifier) log(end store.Position) error {
	lo, hi := store.LogBounds(0, 0)
	it, err := v.store.Iter(lo, hi)
	if err != nil {
		v.problem("store", "log", err)
		return nil
	}
	var last store.Entry
	for ok := it.First(); ok; ok = it.Next() {
		if v.report.LogEntries++; v.report.LogEntries%1024 == 0 && v.ctx.Err() != nil {
			return errors.Join(errContext(v.ctx), it.Close())
		}
		last = v.entry(it.Key(), it.Value(), last)
	}
	if err := it.Close(); err != nil {
		v.problem("store", "log", err)
	}
	v.report.LogLast = last.Offset
	if v.report.LogEntries > 0 && (last.Offset != end.Offset || last.Rolling != end.Rolling) {
		v.problem("log", "end", store.Corrupt("last entry %d does not match the applied position %d",
			last.Offset, end.Offset))
	}
	return nil
}

func (v *verifier) entry(key, val []byte, last store.Entry) store.Entry {
	off := store.LogOffset(key)
	name := fmt.Sprintf("entry %d", off)
	e, err := store.DecodeEntry(val)
	if err != nil {
		v.problem("log", name, err)
		return store.Entry{Offset: off}
	}
	if v.report.LogEntries == 1 {
		v.report.LogFirst = off
	}
	if e.Offset != off {
		v.problem("log", name, store.Corrupt("holds offset %d", e.Offset))
	}
	if last.Kind != 0 {
		if off != last.Offset+1 {
			v.problem("log", name, store.Corrupt("follows %d", last.Offset))
		} else if !store.EntryRolls(val, last.Rolling) {
			v.problem("log", name, store.Corrupt("rolling checksum does not follow"))
		}
	}
	// The key and value are only valid until the next step; the fields kept are
	// copies.
	return store.Entry{Kind: e.Kind, Offset: off, Rolling: e.Rolling}
}

// sorted returns the collections in ascending order of name.
func (v *verifier) sorted() []*verifyColl {
	out := make([]*verifyColl, 0, len(v.colls))
	for _, c := range v.colls {
		out = append(out, c)
	}
	sortBy(out, func(c *verifyColl) string { return c.out.Name })
	return out
}
