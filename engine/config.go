package engine

import (
	"time"

	"github.com/vectorizer-go/vectorizer/engine/compute"
)

// CollectionConfig is part of the data: it travels in the log, is equal on
// every node and, but for the fields that UpdateCollection names, never changes.
type CollectionConfig struct {
	Name      string         `json:"name"`
	Dimension int            `json:"dimension"` // 1..compute.MaxDim
	Metric    compute.Metric `json:"metric"`
	HNSW      HNSWConfig     `json:"hnsw"`
	// Quantization says what searches read: "auto" (default), "sq8", "sq4", "binary" or
	// "none".
	Quantization Quantization `json:"quantization,omitempty"`
	// Rescore says whether what a walk by codes finds is ranked and answered by vectors
	// (nil: it is), for searches that do not say.
	Rescore *bool `json:"rescore,omitempty"`
	// Oversampling, 1 to MaxOversampling, has at least so many times the limit ranked
	// by vectors; 0: as many as change the result.
	Oversampling float32 `json:"oversampling,omitempty"`
	// Storage says where vectors are after a start: "mapped" (default) or "ram".
	Storage Storage `json:"storage,omitempty"`
	// UpdateMode is "in_place" (default) or "reinsert".
	UpdateMode UpdateMode `json:"update_mode"`
	// PayloadIndex lists the dotted payload paths to index; nil indexes every
	// scalar path met (up to MaxIndexedPaths), empty indexes none.
	PayloadIndex []string `json:"payload_index"`
	Description  string   `json:"description,omitempty"`
	// WriteConcern is what a write to the collection waits for if it does not say. It
	// is kept here; whoever answers writes keeps to it.
	WriteConcern WriteConcern `json:"write_concern,omitempty"`
}

// WriteConcern is how many replicas must have a write on their disks before it is
// answered, up to MaxConcern, or ConcernAll.
type WriteConcern int

const (
	// ConcernAll is every replica that is a member.
	ConcernAll WriteConcern = -1
	// MaxConcern is the largest number that can be asked for.
	MaxConcern WriteConcern = 1000
)

// HNSWConfig holds the graph's parameters (Malkov and Yashunin 2016, section 4).
// Zero means the default.
type HNSWConfig struct {
	M              int `json:"m"`               // links per row above layer 0, 2..128, default 16
	EfConstruction int `json:"ef_construction"` // beam while building, 8..4096, default 200
	EfSearch       int `json:"ef_search"`       // default beam of a search, 1..10000, default 64
}

// Quantization says whether a graph is walked by short codes instead of full
// vectors. What a walk finds is ranked, and answered, by full vectors unless a search
// asks otherwise.
type Quantization string

const (
	// QuantizeAuto takes the narrowest codes, of eight bits or four, that a test on
	// the collection's own rows shows to find the same neighbours, else none.
	QuantizeAuto Quantization = "auto"
	// QuantizeSQ8 takes eight-bit codes in any case.
	QuantizeSQ8 Quantization = "sq8"
	// QuantizeSQ4 takes four-bit codes in any case.
	QuantizeSQ4 Quantization = "sq4"
	// QuantizeBinary takes codes of one bit: least memory, longer lists of candidates.
	QuantizeBinary Quantization = "binary"
	// QuantizeNone reads full vectors. Collections of versions without codes keep it.
	QuantizeNone Quantization = "none"
)

// Storage says where the vectors of a collection lie once its image is opened.
// Vectors written since then are in memory in any case.
type Storage string

const (
	// StorageMapped leaves vectors in the image file, mapped: memory is taken for
	// what is touched, and given back when others need it. With codes that is little.
	StorageMapped Storage = "mapped"
	// StorageRAM reads them into memory when the collection is opened.
	StorageRAM Storage = "ram"
)

// UpdateMode says what an upsert of an existing id does to the graph.
type UpdateMode string

const (
	// UpdateInPlace replaces the vector in its row and re-links the row.
	UpdateInPlace UpdateMode = "in_place"
	// UpdateReinsert frees the row and inserts the vector into another.
	UpdateReinsert UpdateMode = "reinsert"
)

// Limits of the data model.
const (
	MaxIDBytes      = 256     // bytes of an id, UTF-8
	MaxNameBytes    = 255     // bytes of a collection name
	MaxPayloadBytes = 1 << 20 // bytes of one payload as JSON
	MaxLimit        = 10000   // results of one search
	MaxOffset       = 1000000 // results skipped by one search
	MaxOversampling = 10      // times the limit
	MaxIndexedPaths = 64      // payload paths indexed without being named
)

// State is how far a collection is from serving.
type State string

const (
	// StateReady serves everything.
	StateReady State = "ready"
	// StateLoading is reading its image or replaying the log: requests get
	// errs.NotReady with the progress.
	StateLoading State = "loading"
	// StateQuarantined is damaged: requests get errs.Quarantined with the reason.
	StateQuarantined State = "quarantined"
)

// CollectionInfo describes a collection at one moment.
type CollectionInfo struct {
	CollectionConfig
	CreatedAt   time.Time
	UpdatedAt   time.Time // last committed mutation
	State       State
	Reason      string  // why it is quarantined
	Progress    float64 // of loading, 0..1
	Rebuilt     string  // why the index was rebuilt from records at start, "" if it was not
	VectorCount int     // live ids
	Pending     int     // rows not linked into the graph yet; they are scanned
	Deleted     int     // rows whose repair is outstanding
	CodeBits    int     // of a component of the codes in use, 0 while there are none
	Memory      MemoryInfo
	Device      *DeviceInfo // nil without a device
}

// MemoryInfo is what a collection holds, in bytes.
type MemoryInfo struct {
	Vectors  int64 `json:"vectors_bytes"`
	Links    int64 `json:"links_bytes"`
	Codes    int64 `json:"codes_bytes"`
	IDs      int64 `json:"ids_bytes"`
	Payload  int64 `json:"payload_index_bytes"` // payload indexes in memory
	Other    int64 `json:"other_bytes"`
	Mapped   int64 `json:"mapped_bytes"`   // part of the above backed by image files
	Resident int64 `json:"resident_bytes"` // the rest of the above
	DiskRecs int64 `json:"disk_bytes"`     // estimate of records and images on disk
}

// CollectionPatch changes what may change of a collection. Nil fields stay.
type CollectionPatch struct {
	Description  *string
	EfSearch     *int
	WriteConcern *WriteConcern // of the writes that come after
	// Quantization takes effect at once, in the background: searches go on by the
	// codes that are there until the others are made.
	Quantization *Quantization
	Storage      *Storage // from the next start on
	Rescore      *bool    // of the searches that come after, as Oversampling
	Oversampling *float32
}
