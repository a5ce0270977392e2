//go:build !long

package sim

const seeds = 500
