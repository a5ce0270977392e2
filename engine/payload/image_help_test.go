package payload

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
)

// mend returns img with the checksum that its body has.
func mend(img []byte) []byte {
	body := bytes.Clone(img[:len(img)-4])
	sum := crc32.Checksum(body, crc32.MakeTable(crc32.Castagnoli))
	return binary.LittleEndian.AppendUint32(body, sum)
}
