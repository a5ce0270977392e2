package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// tileQueries is how many queries every register tile takes.
const tileQueries = 4

// maskedLoads returns a loader of the last columns, after their mask is made.
type maskedLoads func(left GPVirtual) func(m Mem) VecVirtual

// emitTile emits func name(q, n, qStrideBytes, rows, strideBytes, out,
// outStrideBytes, groups): four queries against groups of perGroup rows in
// sequence. A loaded row is used four times and a loaded query perGroup times,
// so the multipliers, not the loads, are the limit.
func emitTile(name string, a arith, perGroup int, masked maskedLoads) {
	TEXT(name, NOSPLIT, "func(q *float32, n, qStrideBytes int, rows *float32, strideBytes int,"+
		" out *float32, outStrideBytes, groups int)")
	Pragma("noescape")
	Doc(name+" is four queries of n components against groups of rows; result",
		"[i][j] goes to out + i*outStrideBytes + 4*j.")
	t := &tile{a: a, n: paramMem("n"), stride: paramMem("strideBytes"), off: GP64(), left: GP64()}
	t.query[0] = Load(Param("q"), GP64()).(GPVirtual)
	for i := 1; i < tileQueries; i++ {
		t.query[i] = GP64()
		MOVQ(t.query[i-1], t.query[i])
		ADDQ(paramMem("qStrideBytes"), t.query[i])
	}
	row := Load(Param("rows"), GP64()).(GPVirtual)
	out := Load(Param("out"), GP64()).(GPVirtual)
	groups := Load(Param("groups"), GP64()).(GPVirtual)
	Label("group")
	t.point(row, perGroup)
	t.sum(masked)
	t.store(out)
	ADDQ(U32(uint32(4*perGroup)), out)
	DECQ(groups)
	JNZ(LabelRef("group"))
	VZEROUPPER()
	RET()
}

// tile is the state of one register tile.
type tile struct {
	a         arith
	n, stride Mem
	off, left GPVirtual
	query     [tileQueries]GPVirtual
	rows      []GPVirtual
	acc       [][tileQueries]VecVirtual // per row
}

// point sets the rows of a group and moves row behind them.
func (t *tile) point(row GPVirtual, perGroup int) {
	t.rows = nil
	for range perGroup {
		p := GP64()
		MOVQ(row, p)
		ADDQ(t.stride, row)
		t.rows = append(t.rows, p)
	}
}

// sum folds all columns.
func (t *tile) sum(masked maskedLoads) {
	t.acc = make([][tileQueries]VecVirtual, len(t.rows))
	for r := range t.acc {
		for q := range t.acc[r] {
			t.acc[r][q] = t.a.zero()
		}
	}
	XORQ(t.off, t.off)
	MOVQ(t.n, t.left)
	SUBQ(U32(uint32(t.a.lanes)), t.left)
	JL(LabelRef("tail"))
	Label("columns")
	t.step(t.a.loadRow)
	ADDQ(U32(uint32(4*t.a.lanes)), t.off)
	SUBQ(U32(uint32(t.a.lanes)), t.left)
	JGE(LabelRef("columns"))
	Label("tail")
	ADDQ(U32(uint32(t.a.lanes)), t.left)
	JZ(LabelRef("sums"))
	t.step(masked(t.left))
	Label("sums")
}

// step folds one step of columns into every pair.
func (t *tile) step(load func(m Mem) VecVirtual) {
	at := func(p GPVirtual) Mem { return Mem{Base: p, Index: t.off, Scale: 1} }
	rows := make([]VecVirtual, len(t.rows))
	for r, p := range t.rows {
		rows[r] = load(at(p))
	}
	for q, p := range t.query {
		v := load(at(p))
		for r := range rows {
			t.a.foldKeep(t.acc[r][q], v, rows[r])
		}
	}
}

// store writes the sums: for each row, one for every query.
func (t *tile) store(out GPVirtual) {
	at := GP64()
	for r, accs := range t.acc {
		sums := t.a.sum4(accs[:])
		LEAQ(Mem{Base: out, Disp: 4 * r}, at)
		VMOVSS(sums, Mem{Base: at})
		for q := 1; q < tileQueries; q++ {
			ADDQ(paramMem("outStrideBytes"), at)
			VEXTRACTPS(Imm(uint64(q)), sums, Mem{Base: at})
		}
	}
}

func emitTilesAVX2(masks Mem) {
	masked := func(left GPVirtual) func(m Mem) VecVirtual {
		table := GP64()
		LEAQ(masks, table)
		NEGQ(left)
		// No register is free to keep the mask, so it is loaded where it is used.
		return func(m Mem) VecVirtual {
			v := YMM()
			VMOVUPS(Mem{Base: table, Index: left, Scale: 4, Disp: 4 * 8}, v)
			VMASKMOVPS(m, v, v)
			return v
		}
	}
	// Twelve sums, three rows and one query fill the sixteen registers; squares
	// need one more for the difference.
	emitTile("dotTileF32AVX2", f32AVX2(false, masks), 3, masked)
	emitTile("l2TileF32AVX2", f32AVX2(true, masks), 2, masked)
}

func emitTilesAVX512() {
	masked := func(left GPVirtual) func(m Mem) VecVirtual {
		mask := opmask(left)
		return func(m Mem) VecVirtual {
			v := ZMM()
			VMOVUPS_Z(m, mask, v)
			return v
		}
	}
	emitTile("dotTileF32AVX512", f32AVX512(false), 4, masked)
	emitTile("l2TileF32AVX512", f32AVX512(true), 4, masked)
}
