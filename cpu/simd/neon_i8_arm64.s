//go:build arm64 && !noasm && gc

#include "textflag.h"

// Signed byte kernels for NEON, by hand. The Go assembler lacks the widening
// multiplications, so they are encoded here; SDOT would be shorter but is not
// part of the baseline. Operands are register numbers.
//
//	SMULL  Vd.8H, Vn.8B, Vm.8B    SMULL2 takes the upper halves
//	SMLAL  Vd.4S, Vn.4H, Vm.4H    SMLAL2 takes the upper halves
//	SSUBL  Vd.8H, Vn.8B, Vm.8B    SSUBL2 takes the upper halves
//	SXTL   Vd.8H, Vn.8B           widens signed bytes, UXTL unsigned ones
//	SADALP Vd.4S, Vn.8H           adds neighbouring pairs to Vd
#define SMULL(M, N, D)  WORD $(0x0E20C000 | (M)<<16 | (N)<<5 | (D))
#define SMULL2(M, N, D) WORD $(0x4E20C000 | (M)<<16 | (N)<<5 | (D))
#define SMLAL(M, N, D)  WORD $(0x0E608000 | (M)<<16 | (N)<<5 | (D))
#define SMLAL2(M, N, D) WORD $(0x4E608000 | (M)<<16 | (N)<<5 | (D))
#define SSUBL(M, N, D)  WORD $(0x0E202000 | (M)<<16 | (N)<<5 | (D))
#define SSUBL2(M, N, D) WORD $(0x4E202000 | (M)<<16 | (N)<<5 | (D))
#define SXTL(N, D)      WORD $(0x0F08A400 | (N)<<5 | (D))
#define SXTL2(N, D)     WORD $(0x4F08A400 | (N)<<5 | (D))
#define UXTL(N, D)      WORD $(0x2F08A400 | (N)<<5 | (D))
#define UXTL2(N, D)     WORD $(0x6F08A400 | (N)<<5 | (D))
#define SADALP(N, D)    WORD $(0x4E606800 | (N)<<5 | (D))

// Registers: R0 query, R1 rows or ids, R2 components, R3 stride, R5 out, R6 rows
// left, R7 query cursor, R8-R11 row cursors, R12 next row, R13 lines of a row,
// R19 components left, R20-R23 scratch, R24 components of one row's tail;
// V0 query, V1-V4 rows, V5-V8 scratch, V16-V19 sums.

// Step over 16 components: query V0, row V(R), sum V(A). Products of bytes fit
// 16 bits, and so do differences, but not a sum of two products.
#define DOT16(R, A) \
	SMULL(R, 0, 5) \
	SMULL2(R, 0, 6) \
	SADALP(5, A) \
	SADALP(6, A)

// The row's bytes are unsigned: products do not fit 16 bits.
#define MIX16(R, A) \
	SXTL(0, 5) \
	UXTL(R, 6) \
	SMLAL(6, 5, A) \
	SMLAL2(6, 5, A) \
	SXTL2(0, 5) \
	UXTL2(R, 6) \
	SMLAL(6, 5, A) \
	SMLAL2(6, 5, A)

#define SQR16(R, A) \
	SSUBL(R, 0, 5) \
	SSUBL2(R, 0, 6) \
	SMLAL(5, 5, A) \
	SMLAL2(5, 5, A) \
	SMLAL(6, 6, A) \
	SMLAL2(6, 6, A)

// Steps over one component: query R21, row byte R22, sum R23.
#define DOT1 \
	MUL  R21, R22, R22 \
	ADDW R22, R23, R23

#define MIX1 \
	AND  $255, R22, R22 \
	MUL  R21, R22, R22 \
	ADDW R22, R23, R23

#define SQR1 \
	SUB  R21, R22, R22 \
	MUL  R22, R22, R22 \
	ADDW R22, R23, R23

// FINISH writes the sum of V(A)'s lanes and the row's tail, at cursor ROW, to out.
#define FINISH(STEP1, ROW, A, L0, L1) \
	VADDV A.S4, V5 \
	VMOV  V5.S[0], R23 \
	MOVD  R7, R20 \
	MOVD  R19, R24 \
	CBZ   R24, L1 \
L0: \
	MOVB.P 1(R20), R21 \
	MOVB.P 1(ROW), R22 \
	STEP1 \
	SUBS  $1, R24, R24 \
	BNE   L0 \
L1: \
	MOVW.P R23, 4(R5)

#define LOCATE(I, P) \
	MOVWU I(R1), P \
	MUL   R3, P, P \
	ADD   R25, P, P

// FETCH fetches the whole row I places on, or the last one again. A row of bytes
// is a few lines, so they are fetched in one go. R20 is the number of the last
// row, counted from the current, R13 a row's length in bytes.
#define FETCH(I, L0) \
	MOVD  $I, R22 \
	CMP   R20, R22 \
	CSEL  GT, R20, R22, R22 \
	MOVWU (R1)(R22<<2), R12 \
	MUL   R3, R12, R12 \
	ADD   R25, R12, R12 \
	ADD   R2, R12, R13 \
L0: \
	PRFM  (R12), PLDL1KEEP \
	ADD   $64, R12 \
	CMP   R13, R12 \
	BLT   L0 \
	SUB   $1, R13 \
	PRFM  (R13), PLDL1KEEP

#define FOUR(STEP, STEP1) \
	VEOR V16.B16, V16.B16, V16.B16 \
	VEOR V17.B16, V17.B16, V17.B16 \
	VEOR V18.B16, V18.B16, V18.B16 \
	VEOR V19.B16, V19.B16, V19.B16 \
	MOVD R0, R7 \
	MOVD R2, R19 \
	SUBS $16, R19, R19 \
	BLT  rest4 \
columns4: \
	VLD1.P 16(R7), [V0.B16] \
	VLD1.P 16(R8), [V1.B16] \
	VLD1.P 16(R9), [V2.B16] \
	VLD1.P 16(R10), [V3.B16] \
	VLD1.P 16(R11), [V4.B16] \
	STEP(1, 16) \
	STEP(2, 17) \
	STEP(3, 18) \
	STEP(4, 19) \
	SUBS $16, R19, R19 \
	BGE  columns4 \
rest4: \
	ADD  $16, R19, R19 \
	FINISH(STEP1, R8, V16, tail40, sum40) \
	FINISH(STEP1, R9, V17, tail41, sum41) \
	FINISH(STEP1, R10, V18, tail42, sum42) \
	FINISH(STEP1, R11, V19, tail43, sum43)

#define ONE(STEP, STEP1) \
	VEOR V16.B16, V16.B16, V16.B16 \
	MOVD R0, R7 \
	MOVD R2, R19 \
	SUBS $16, R19, R19 \
	BLT  rest1 \
columns1: \
	VLD1.P 16(R7), [V0.B16] \
	VLD1.P 16(R8), [V1.B16] \
	STEP(1, 16) \
	SUBS $16, R19, R19 \
	BGE  columns1 \
rest1: \
	ADD  $16, R19, R19 \
	FINISH(STEP1, R8, V16, tail1, sum1)

// PAIR goes through the row kernel with its own result as out.
#define PAIR(STEP, STEP1) \
	MOVD q+0(FP), R0 \
	MOVD row+8(FP), R8 \
	MOVD n+16(FP), R2 \
	MOVD $r+24(FP), R5 \
	ONE(STEP, STEP1) \
	RET

#define ROWS(STEP, STEP1) \
	MOVD q+0(FP), R0 \
	MOVD rows+8(FP), R1 \
	MOVD n+16(FP), R2 \
	MOVD strideBytes+24(FP), R3 \
	MOVD out+32(FP), R5 \
	MOVD count+40(FP), R6 \
four: \
	SUBS $4, R6, R6 \
	BLT  last \
	MOVD R1, R8 \
	ADD  R3, R8, R9 \
	ADD  R3, R9, R10 \
	ADD  R3, R10, R11 \
	ADD  R3, R11, R1 \
	FOUR(STEP, STEP1) \
	B    four \
last: \
	ADDS $4, R6, R6 \
	BEQ  done \
one: \
	MOVD R1, R8 \
	ADD  R3, R1, R1 \
	ONE(STEP, STEP1) \
	SUBS $1, R6, R6 \
	BNE  one \
done: \
	RET

#define GATHER(STEP, STEP1) \
	MOVD q+0(FP), R0 \
	MOVD rows+8(FP), R25 \
	MOVD n+16(FP), R2 \
	MOVD strideBytes+24(FP), R3 \
	MOVD ids+32(FP), R1 \
	MOVD out+40(FP), R5 \
	MOVD count+48(FP), R6 \
four: \
	SUBS $4, R6, R6 \
	BLT  last \
	ADD  $3, R6, R20 \
	FETCH(4, fetch4) \
	FETCH(5, fetch5) \
	FETCH(6, fetch6) \
	FETCH(7, fetch7) \
	LOCATE(0, R8) \
	LOCATE(4, R9) \
	LOCATE(8, R10) \
	LOCATE(12, R11) \
	ADD  $16, R1 \
	FOUR(STEP, STEP1) \
	B    four \
last: \
	ADDS $4, R6, R6 \
	BEQ  done \
one: \
	LOCATE(0, R8) \
	ADD  $4, R1 \
	ONE(STEP, STEP1) \
	SUBS $1, R6, R6 \
	BNE  one \
done: \
	RET

// func dotI8NEON(q, row *int8, n int) (r int32)
TEXT ·dotI8NEON(SB), NOSPLIT, $0-28
	PAIR(DOT16, DOT1)

// func l2I8NEON(q, row *int8, n int) (r int32)
TEXT ·l2I8NEON(SB), NOSPLIT, $0-28
	PAIR(SQR16, SQR1)

// func dotRowsI8NEON(q, rows *int8, n, strideBytes int, out *int32, count int)
TEXT ·dotRowsI8NEON(SB), NOSPLIT, $0-48
	ROWS(DOT16, DOT1)

// func l2RowsI8NEON(q, rows *int8, n, strideBytes int, out *int32, count int)
TEXT ·l2RowsI8NEON(SB), NOSPLIT, $0-48
	ROWS(SQR16, SQR1)

// func dotGatherI8NEON(q, rows *int8, n, strideBytes int, ids *uint32, out *int32, count int)
TEXT ·dotGatherI8NEON(SB), NOSPLIT, $0-56
	GATHER(DOT16, DOT1)

// func l2GatherI8NEON(q, rows *int8, n, strideBytes int, ids *uint32, out *int32, count int)
TEXT ·l2GatherI8NEON(SB), NOSPLIT, $0-56
	GATHER(SQR16, SQR1)

// func dotRowsU8I8NEON(q *int8, rows *uint8, n, strideBytes int, out *int32, count int)
TEXT ·dotRowsU8I8NEON(SB), NOSPLIT, $0-48
	ROWS(MIX16, MIX1)

// func dotGatherU8I8NEON(q *int8, rows *uint8, n, strideBytes int, ids *uint32, out *int32, count int)
TEXT ·dotGatherU8I8NEON(SB), NOSPLIT, $0-56
	GATHER(MIX16, MIX1)
