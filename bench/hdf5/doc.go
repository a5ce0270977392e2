// Package hdf5 reads what data sets of nearest-neighbour benchmarks hold: tables
// of numbers in the root group of an HDF5 file, and its text attributes.
//
// It follows the HDF5 File Format Specification, version 3.0
// (https://support.hdfgroup.org/documentation/hdf5/latest/_f_m_t3.html), as far
// as h5py writes such files: superblocks 0 to 3, object headers 1 and 2, groups
// by symbol table or by link messages, data contiguous, compact or in chunks
// indexed by a version 1 B-tree, a fixed array, in order or alone, and the
// filters gzip and shuffle. Anything else is refused by name. Checksums of
// metadata are not verified: every value is checked where it is used.
//
// Every refusal is an *errs.Error that names the file, the table, the field, what
// was expected and what was given. Memory is one row of chunks, whatever a file's
// size.
package hdf5
