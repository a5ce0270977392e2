// Package sim runs whole replicated sets on one goroutine, in virtual time, from
// one seed: the Core of package replication, with a network that delays, drops,
// repeats and reorders, disks that are slow and forget what was not synced, clocks
// that jump, nodes that crash, and operators who change masters. After every step
// it checks the invariants; at the end it heals everything and requires that the
// nodes agree within a bound. A seed and a commit are a complete description of a
// run.
package sim
