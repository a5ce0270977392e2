//go:build long

package sim

const seeds = 20000
