package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// emitPeak emits func name(turns): a turn is sums multiply-adds of vectors of width bytes
// that need nothing of one another, nor of memory.
func emitPeak(name string, width, sums int) {
	TEXT(name, NOSPLIT, "func(turns int)")
	Doc(name + " multiplies and adds as fast as the machine can; turns > 0.")
	turns := Load(Param("turns"), GP64())
	zero := func() VecVirtual {
		v := register(width)
		clearVector(v, width)
		return v
	}
	a, b := zero(), zero()
	acc := make([]VecVirtual, sums)
	for i := range acc {
		acc[i] = zero()
	}
	Label("turn")
	for _, v := range acc {
		VFMADD231PS(a, b, v)
	}
	DECQ(turns)
	JNZ(LabelRef("turn"))
	VZEROUPPER()
	RET()
}
