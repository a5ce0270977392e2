// Package image is the file form of an index: named sections, each on a page of
// its own so that it can be mapped, each checksummed in chunks so that it can be
// verified in parallel or while it is read.
//
//	page 0    magic, format version, oldest version that may read it, sizes, CRC
//	pages     the sections, each starting on a page, zero padded to its end
//	table     per section: name, offset, length, CRC-32C of every chunk
//	trailer   offset, length and CRC of the table, length of the file, magic
//
// Integers are little-endian. The file is written front to back, so it can go to
// a pipe or a socket as well. A file that was cut short, padded, or changed in
// any byte is refused: the trailer holds the length, and every byte but the
// padding of sections is under a CRC.
package image
