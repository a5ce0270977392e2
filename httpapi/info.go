package httpapi

import (
	"cmp"
	"fmt"
	"time"

	"github.com/vectorizer-go/vectorizer/engine"
)

// collectionInfo describes a collection. A published client fails on any key
// that is not in this list, so what is new goes inside size, quantization,
// normalization and indexing_status.
type collectionInfo struct {
	Name             string         `json:"name"`
	Dimension        int            `json:"dimension"`
	VectorCount      int            `json:"vector_count"`
	DocumentCount    int            `json:"document_count"`
	Metric           string         `json:"metric"`
	SimilarityMetric string         `json:"similarity_metric,omitempty"`
	Status           string         `json:"status,omitempty"`
	ErrorMessage     string         `json:"error_message,omitempty"`
	CreatedAt        string         `json:"created_at"`
	UpdatedAt        string         `json:"updated_at"`
	Size             sizeInfo       `json:"size"`
	Quantization     quantInfo      `json:"quantization"`
	Normalization    normalInfo     `json:"normalization"`
	IndexingStatus   indexingStatus `json:"indexing_status"`
}

// sizeInfo is what a collection holds. Index counts memory, payload the payload
// indexes in memory; the disk has its own key.
type sizeInfo struct {
	Total        string            `json:"total"`
	TotalBytes   int64             `json:"total_bytes"`
	Index        string            `json:"index"`
	IndexBytes   int64             `json:"index_bytes"`
	Payload      string            `json:"payload"`
	PayloadBytes int64             `json:"payload_bytes"`
	Memory       engine.MemoryInfo `json:"memory"`
}

// quantInfo says what searches read; vectors are stored whole. Type is none while
// there are no codes: a small collection has none, and auto may have decided so.
type quantInfo struct {
	Enabled bool   `json:"enabled"`
	Type    string `json:"type"`
	Bits    int    `json:"bits"`
	Setting string `json:"setting"` // what the collection asks for
	Storage string `json:"storage"` // of the vectors once the image is opened
	Rescore bool   `json:"rescore"` // what searches do that do not say, as Oversampling
	// Oversampling is null where as many rows are rescored as it takes.
	Oversampling *float32 `json:"oversampling"`
}

// normalInfo says whether rows are normalised for the index; reads return
// vectors as written.
type normalInfo struct {
	Enabled bool   `json:"enabled"`
	Level   string `json:"level"`
	Message string `json:"message"`
}

// indexingStatus is the state of the index and its settings.
type indexingStatus struct {
	Status       string            `json:"status"`
	Progress     float64           `json:"progress"`
	Total        int               `json:"total_documents"`
	Processed    int               `json:"processed_documents"`
	Errors       int               `json:"errors"`
	State        engine.State      `json:"state"`
	Reason       string            `json:"reason,omitempty"`
	Pending      int               `json:"pending"`
	Deleted      int               `json:"deleted_pending_repair"`
	HNSW         engine.HNSWConfig `json:"hnsw"`
	UpdateMode   engine.UpdateMode `json:"update_mode"`
	PayloadIndex []string          `json:"payload_index"`
	Description  string            `json:"description"`
	WriteConcern any               `json:"write_concern"` // a number, or "all"
	// Device is there on a server with a graphics processor.
	Device *engine.DeviceInfo `json:"device,omitempty"`
}

// listedInfo is the form of a collection in the list.
func listedInfo(i *engine.CollectionInfo) collectionInfo {
	m := i.Memory
	index := m.Vectors + m.Links + m.Codes + m.IDs + m.Other
	total := index + m.Payload
	return collectionInfo{
		Name: i.Name, Dimension: i.Dimension, VectorCount: i.VectorCount,
		DocumentCount: i.VectorCount, Metric: metricName(i.Metric),
		CreatedAt: stamp(i.CreatedAt), UpdatedAt: stamp(i.UpdatedAt),
		Size: sizeInfo{Total: human(total), TotalBytes: total, Index: human(index),
			IndexBytes: index, Payload: human(m.Payload), PayloadBytes: m.Payload, Memory: m},
		Quantization:   quantization(i),
		Normalization:  normalInfo{false, "none", "texts are not embedded here"},
		IndexingStatus: indexing(i),
	}
}

// singleInfo is the form of one collection alone. It has the metric under both
// names that clients read.
func singleInfo(i *engine.CollectionInfo) collectionInfo {
	info := listedInfo(i)
	info.SimilarityMetric = metricWord(i.Metric)
	info.Status = string(i.State)
	info.ErrorMessage = i.Reason
	return info
}

// indexing is how far the index of a collection is.
func indexing(i *engine.CollectionInfo) indexingStatus {
	s := indexingStatus{
		Status: "completed", Progress: 1, Total: i.VectorCount,
		Processed: max(i.VectorCount-i.Pending, 0), State: i.State, Reason: i.Reason,
		Pending: i.Pending, Deleted: i.Deleted, HNSW: i.HNSW, UpdateMode: i.UpdateMode,
		PayloadIndex: i.PayloadIndex, Description: i.Description, Device: i.Device,
		WriteConcern: concernWord(i.WriteConcern),
	}
	switch {
	case i.State == engine.StateQuarantined:
		s.Status, s.Errors, s.Progress = "failed", 1, 0
	case i.State == engine.StateLoading:
		s.Status, s.Progress = "loading", i.Progress
	case i.Pending > 0:
		s.Status = "processing"
		s.Progress = float64(s.Processed) / float64(max(i.VectorCount, 1))
	}
	return s
}

// quantization is what searches of a collection read.
func quantization(i *engine.CollectionInfo) quantInfo {
	q := quantInfo{Type: string(engine.QuantizeNone), Bits: 32, Setting: string(i.Quantization),
		Storage: string(cmp.Or(i.Storage, engine.StorageMapped)), Rescore: i.Rescore == nil || *i.Rescore}
	if i.Oversampling != 0 {
		q.Oversampling = &i.Oversampling
	}
	if i.Quantization == "" { // of a version without codes
		q.Setting = q.Type
	}
	if i.CodeBits > 0 {
		q.Enabled, q.Type, q.Bits = true, codeName(i.CodeBits), i.CodeBits
	}
	return q
}

// codeName is the kind of codes of so many bits.
func codeName(bits int) string {
	switch bits {
	case 8:
		return string(engine.QuantizeSQ8)
	case 4:
		return string(engine.QuantizeSQ4)
	case 1:
		return string(engine.QuantizeBinary)
	}
	return string(engine.QuantizeNone)
}

// stamp is a time as RFC 3339 in UTC.
func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }

// human is a size for people: 1.2 MB.
func human(bytes int64) string {
	v := float64(bytes)
	for _, unit := range []string{"B", "KB", "MB", "GB"} {
		if v < 1024 {
			if unit == "B" {
				return fmt.Sprintf("%d B", bytes)
			}
			return fmt.Sprintf("%.1f %s", v, unit)
		}
		v /= 1024
	}
	return fmt.Sprintf("%.1f TB", v)
}
