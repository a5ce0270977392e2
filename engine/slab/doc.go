// Package slab holds large arrays whose address does not change while they
// grow: address space is reserved at once, memory is committed in steps as it
// is needed. Readers keep one slice over the whole reservation and need no lock
// to follow the growth; they must only touch what was committed before they
// learnt of it.
//
// A Block is released when Release is called, or when the garbage collector
// finds no reference to it. Slices over a reservation are not references: who
// reads through one keeps the Block alive with runtime.KeepAlive.
//
// Small blocks are ordinary Go memory, so a thousand small collections cost no
// mappings and no pages of their own.
package slab
