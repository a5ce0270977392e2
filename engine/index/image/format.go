package image

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"

	"github.com/vectorizer-go/vectorizer/engine/index"
)

const (
	// PageBytes is the alignment of sections.
	PageBytes = 4096
	// ChunkBytes is what one checksum covers.
	ChunkBytes = 1 << 20
	// MaxSections and MaxNameBytes bound the table.
	MaxSections  = 256
	MaxNameBytes = 255

	// version is what this code writes, oldestReader the oldest version of it
	// that understands what is written, and oldestFile the oldest file that this
	// code reads.
	version      = 1
	oldestReader = 1
	oldestFile   = 1

	headBytes    = 40
	trailerBytes = 40
)

var (
	headMagic    = [8]byte{'V', 'Z', 'I', 'N', 'D', 'E', 'X', '\n'}
	trailerMagic = [8]byte{'V', 'Z', 'I', 'D', 'O', 'N', 'E', '\n'}
	castagnoli   = crc32.MakeTable(crc32.Castagnoli)
)

// Checksum is the CRC-32C of b.
func Checksum(b []byte) uint32 { return crc32.Checksum(b, castagnoli) }

// corrupt is an index.ErrCorrupt that says where.
func corrupt(format string, args ...any) error {
	return fmt.Errorf("%w: %s", index.ErrCorrupt, fmt.Sprintf(format, args...))
}

// encodeHead returns the first page.
func encodeHead() []byte {
	b := make([]byte, 0, PageBytes)
	b = append(b, headMagic[:]...)
	for _, v := range []uint32{version, oldestReader, PageBytes, ChunkBytes, 0, 0, 0} {
		b = binary.LittleEndian.AppendUint32(b, v)
	}
	b = binary.LittleEndian.AppendUint32(b, Checksum(b))
	return b[:PageBytes]
}

// checkHead judges the first headBytes of a file.
func checkHead(b []byte) error {
	field := func(i int) uint32 { return binary.LittleEndian.Uint32(b[8+4*i:]) }
	switch {
	case [8]byte(b) != headMagic:
		return corrupt("not an index image")
	case field(7) != Checksum(b[:headBytes-4]):
		return corrupt("the header fails its checksum")
	case field(0) < oldestFile:
		return corrupt("format version %d, this program reads %d and newer", field(0), oldestFile)
	case field(1) > version:
		return corrupt("format version %d needs a newer program", field(0))
	case field(2) != PageBytes || field(3) != ChunkBytes:
		return corrupt("pages of %d bytes and chunks of %d", field(2), field(3))
	}
	return nil
}

// trailer is the end of a file.
type trailer struct {
	tableOff int64
	tableLen int64
	tableCRC uint32
	total    int64 // bytes of the file
}

func (t trailer) encode() []byte {
	b := make([]byte, 0, trailerBytes)
	b = binary.LittleEndian.AppendUint64(b, uint64(t.tableOff))
	b = binary.LittleEndian.AppendUint32(b, uint32(t.tableLen))
	b = binary.LittleEndian.AppendUint32(b, t.tableCRC)
	b = binary.LittleEndian.AppendUint64(b, uint64(t.total))
	b = binary.LittleEndian.AppendUint32(b, 0)
	b = binary.LittleEndian.AppendUint32(b, Checksum(b))
	return append(b, trailerMagic[:]...)
}

// decodeTrailer reads the last trailerBytes of a file of size bytes.
func decodeTrailer(b []byte, size int64) (trailer, error) {
	if [8]byte(b[32:]) != trailerMagic {
		return trailer{}, corrupt("no end mark: the file was cut short")
	}
	if Checksum(b[:28]) != binary.LittleEndian.Uint32(b[28:]) {
		return trailer{}, corrupt("the trailer fails its checksum")
	}
	t := trailer{
		tableOff: int64(binary.LittleEndian.Uint64(b)),
		tableLen: int64(binary.LittleEndian.Uint32(b[8:])),
		tableCRC: binary.LittleEndian.Uint32(b[12:]),
		total:    int64(binary.LittleEndian.Uint64(b[16:])),
	}
	if t.total != size {
		return trailer{}, corrupt("%d bytes, should be %d", size, t.total)
	}
	if t.tableOff < PageBytes || t.tableOff+t.tableLen != size-trailerBytes {
		return trailer{}, corrupt("the table of sections is out of place")
	}
	return t, nil
}

// Section is a named part of an image.
type Section struct {
	Name string
	Off  int64 // from the start of the file, a multiple of PageBytes
	Len  int64 // bytes
	sums []uint32
}

func encodeTable(sections []Section) []byte {
	b := binary.LittleEndian.AppendUint32(nil, uint32(len(sections)))
	for _, s := range sections {
		b = append(b, byte(len(s.Name)))
		b = append(b, s.Name...)
		b = binary.LittleEndian.AppendUint64(b, uint64(s.Off))
		b = binary.LittleEndian.AppendUint64(b, uint64(s.Len))
		for _, c := range s.sums {
			b = binary.LittleEndian.AppendUint32(b, c)
		}
	}
	return b
}

// decodeTable reads a table whose checksum is right. Sections lie in order below
// end.
func decodeTable(b []byte, end int64) ([]Section, error) {
	bad := corrupt("the table of sections does not hold together")
	if len(b) < 4 {
		return nil, bad
	}
	n := binary.LittleEndian.Uint32(b)
	b = b[4:]
	if n > MaxSections {
		return nil, bad
	}
	sections := make([]Section, n)
	at := int64(PageBytes)
	for i := range sections {
		if len(b) < 1 || len(b) < 1+int(b[0])+16 {
			return nil, bad
		}
		name, rest := b[1:1+int(b[0])], b[1+int(b[0]):]
		s := Section{Name: string(name), Off: int64(binary.LittleEndian.Uint64(rest)),
			Len: int64(binary.LittleEndian.Uint64(rest[8:]))}
		b = rest[16:]
		if s.Off != at || s.Len < 0 || s.Len > end-at {
			return nil, bad
		}
		at = roundUp(s.Off + s.Len)
		sums := (s.Len + ChunkBytes - 1) / ChunkBytes
		if sums > int64(len(b)/4) {
			return nil, bad
		}
		s.sums = make([]uint32, sums)
		for j := range s.sums {
			s.sums[j] = binary.LittleEndian.Uint32(b[4*j:])
		}
		b = b[4*sums:]
		sections[i] = s
	}
	if len(b) != 0 || at != end {
		return nil, bad
	}
	return sections, nil
}

// roundUp is the next multiple of PageBytes.
func roundUp(n int64) int64 { return (n + PageBytes - 1) &^ (PageBytes - 1) }
