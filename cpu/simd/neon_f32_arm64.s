//go:build arm64 && !noasm && gc

#include "textflag.h"

// Float kernels for NEON, by hand: the generator's library knows amd64 only.
//
// The Go assembler has no vector FADD and FSUB. Both are written as fused
// operations with a vector of ones, V31: a + 1*b and a - 1*b round once, exactly
// as the missing instructions would.
//
// Registers of the row kernels:
//	R0 query   R1 rows (sequence) or ids (gather)   R2 components   R3 stride
//	R5 out     R6 rows left       R7 query cursor   R8-R11 row cursors
//	R12-R15 cursors of the next rows   R19 components left   R20-R22 scratch
//	V0-V3 query   V4-V7 row   V16-V23 sums, two a row   V31 ones

#define ONES \
	FMOVS $1.0, F31 \
	VDUP  V31.S[0], V31.S4

// Step over 4 components held in the registers Q and R (R is spoilt).
#define DOT4(Q, R, ACC) \
	VFMLA Q.S4, R.S4, ACC.S4

#define SQR4(Q, R, ACC) \
	VFMLS V31.S4, Q.S4, R.S4 \
	VFMLA R.S4, R.S4, ACC.S4

// Steps over 16, 4 and 1 components of the row at cursor R.
#define ROW16(STEP, R, A0, A1) \
	VLD1.P 64(R), [V4.S4, V5.S4, V6.S4, V7.S4] \
	STEP(V0, V4, A0) \
	STEP(V1, V5, A1) \
	STEP(V2, V6, A0) \
	STEP(V3, V7, A1)

#define ROW4(STEP, R, A0) \
	VLD1.P 16(R), [V4.S4] \
	STEP(V0, V4, A0)

// A load of one float clears the other lanes, which then add nothing.
#define ROW1(STEP, R, A0) \
	FMOVS.P 4(R), F4 \
	STEP(V0, V4, A0)

#define ADD4(B, A) \
	VFMLA V31.S4, B.S4, A.S4

// SUM leaves the sum of A's lanes in its first; V4 is spoilt.
#define SUM(A) \
	VEXT $8, A.B16, A.B16, V4.B16 \
	ADD4(V4, A) \
	VEXT $4, A.B16, A.B16, V4.B16 \
	ADD4(V4, A)

#define CLEAR4 \
	VEOR V16.B16, V16.B16, V16.B16 \
	VEOR V17.B16, V17.B16, V17.B16 \
	VEOR V18.B16, V18.B16, V18.B16 \
	VEOR V19.B16, V19.B16, V19.B16 \
	VEOR V20.B16, V20.B16, V20.B16 \
	VEOR V21.B16, V21.B16, V21.B16 \
	VEOR V22.B16, V22.B16, V22.B16 \
	VEOR V23.B16, V23.B16, V23.B16

#define STORE4 \
	ADD4(V17, V16) \
	ADD4(V19, V18) \
	ADD4(V21, V20) \
	ADD4(V23, V22) \
	SUM(V16) \
	SUM(V18) \
	SUM(V20) \
	SUM(V22) \
	FMOVS.P F16, 4(R5) \
	FMOVS.P F18, 4(R5) \
	FMOVS.P F20, 4(R5) \
	FMOVS.P F22, 4(R5)

// NEXT fetches the line of each next row at its cursor and moves on.
#define NEXT \
	PRFM (R12), PLDL1KEEP \
	PRFM (R13), PLDL1KEEP \
	PRFM (R14), PLDL1KEEP \
	PRFM (R15), PLDL1KEEP \
	ADD  $64, R12 \
	ADD  $64, R13 \
	ADD  $64, R14 \
	ADD  $64, R15

#define NONEXT

// FOUR sums four rows; L0 to L4 are label names, PREFETCH is NEXT or NONEXT.
#define FOUR(STEP, PREFETCH, L0, L1, L2, L3, L4) \
	CLEAR4 \
	MOVD R0, R7 \
	MOVD R2, R19 \
	SUBS $16, R19, R19 \
	BLT  L1 \
L0: \
	PREFETCH \
	VLD1.P 64(R7), [V0.S4, V1.S4, V2.S4, V3.S4] \
	ROW16(STEP, R8, V16, V17) \
	ROW16(STEP, R9, V18, V19) \
	ROW16(STEP, R10, V20, V21) \
	ROW16(STEP, R11, V22, V23) \
	SUBS $16, R19, R19 \
	BGE  L0 \
L1: \
	PREFETCH \
	ADDS $(16-4), R19, R19 \
	BLT  L3 \
L2: \
	VLD1.P 16(R7), [V0.S4] \
	ROW4(STEP, R8, V16) \
	ROW4(STEP, R9, V18) \
	ROW4(STEP, R10, V20) \
	ROW4(STEP, R11, V22) \
	SUBS $4, R19, R19 \
	BGE  L2 \
L3: \
	ADDS $4, R19, R19 \
	BEQ  L4 \
	FMOVS.P 4(R7), F0 \
	ROW1(STEP, R8, V16) \
	ROW1(STEP, R9, V18) \
	ROW1(STEP, R10, V20) \
	ROW1(STEP, R11, V22) \
	SUB  $5, R19, R19 \
	B    L3 \
L4:

// ONE sums the row at R8 into V16 in four chains.
#define ONE(STEP, L0, L1, L2, L3, L4) \
	VEOR V16.B16, V16.B16, V16.B16 \
	VEOR V17.B16, V17.B16, V17.B16 \
	VEOR V18.B16, V18.B16, V18.B16 \
	VEOR V19.B16, V19.B16, V19.B16 \
	MOVD R0, R7 \
	MOVD R2, R19 \
	SUBS $16, R19, R19 \
	BLT  L1 \
L0: \
	VLD1.P 64(R7), [V0.S4, V1.S4, V2.S4, V3.S4] \
	VLD1.P 64(R8), [V4.S4, V5.S4, V6.S4, V7.S4] \
	STEP(V0, V4, V16) \
	STEP(V1, V5, V17) \
	STEP(V2, V6, V18) \
	STEP(V3, V7, V19) \
	SUBS $16, R19, R19 \
	BGE  L0 \
L1: \
	ADDS $(16-4), R19, R19 \
	BLT  L3 \
L2: \
	VLD1.P 16(R7), [V0.S4] \
	ROW4(STEP, R8, V16) \
	SUBS $4, R19, R19 \
	BGE  L2 \
L3: \
	ADDS $4, R19, R19 \
	BEQ  L4 \
	FMOVS.P 4(R7), F0 \
	ROW1(STEP, R8, V16) \
	SUB  $5, R19, R19 \
	B    L3 \
L4: \
	ADD4(V17, V16) \
	ADD4(V19, V18) \
	ADD4(V18, V16) \
	SUM(V16)

// LOCATE sets P to the row whose number is at ids + 4*I.
#define LOCATE(I, P) \
	MOVWU I(R1), P \
	MUL   R3, P, P \
	ADD   R21, P, P

// AHEAD sets P to the row I places on, or to the last one; R20 is the number
// of the last one, counted from the current.
#define AHEAD(I, P) \
	MOVD  $I, R22 \
	CMP   R20, R22 \
	CSEL  GT, R20, R22, R22 \
	MOVWU (R1)(R22<<2), P \
	MUL   R3, P, P \
	ADD   R21, P, P

#define PAIR(STEP) \
	MOVD q+0(FP), R0 \
	MOVD row+8(FP), R8 \
	MOVD n+16(FP), R2 \
	ONES \
	ONE(STEP, columns, rest, steps, single, sum) \
	FMOVS F16, r+24(FP) \
	RET

#define ROWS(STEP) \
	MOVD q+0(FP), R0 \
	MOVD rows+8(FP), R1 \
	MOVD n+16(FP), R2 \
	MOVD strideBytes+24(FP), R3 \
	MOVD out+32(FP), R5 \
	MOVD count+40(FP), R6 \
	ONES \
four: \
	SUBS $4, R6, R6 \
	BLT  last \
	MOVD R1, R8 \
	ADD  R3, R8, R9 \
	ADD  R3, R9, R10 \
	ADD  R3, R10, R11 \
	ADD  R3, R11, R1 \
	FOUR(STEP, NONEXT, columns4, rest4, steps4, single4, sum4) \
	STORE4 \
	B    four \
last: \
	ADDS $4, R6, R6 \
	BEQ  done \
one: \
	MOVD R1, R8 \
	ADD  R3, R1, R1 \
	ONE(STEP, columns1, rest1, steps1, single1, sum1) \
	FMOVS.P F16, 4(R5) \
	SUBS $1, R6, R6 \
	BNE  one \
done: \
	RET

#define GATHER(STEP) \
	MOVD q+0(FP), R0 \
	MOVD rows+8(FP), R21 \
	MOVD n+16(FP), R2 \
	MOVD strideBytes+24(FP), R3 \
	MOVD ids+32(FP), R1 \
	MOVD out+40(FP), R5 \
	MOVD count+48(FP), R6 \
	ONES \
four: \
	SUBS $4, R6, R6 \
	BLT  last \
	LOCATE(0, R8) \
	LOCATE(4, R9) \
	LOCATE(8, R10) \
	LOCATE(12, R11) \
	ADD  $3, R6, R20 \
	AHEAD(4, R12) \
	AHEAD(5, R13) \
	AHEAD(6, R14) \
	AHEAD(7, R15) \
	ADD  $16, R1 \
	FOUR(STEP, NEXT, columns4, rest4, steps4, single4, sum4) \
	STORE4 \
	B    four \
last: \
	ADDS $4, R6, R6 \
	BEQ  done \
one: \
	LOCATE(0, R8) \
	ADD  $4, R1 \
	ONE(STEP, columns1, rest1, steps1, single1, sum1) \
	FMOVS.P F16, 4(R5) \
	SUBS $1, R6, R6 \
	BNE  one \
done: \
	RET

// func dotF32NEON(q, row *float32, n int) (r float32)
TEXT ·dotF32NEON(SB), NOSPLIT, $0-28
	PAIR(DOT4)

// func l2F32NEON(q, row *float32, n int) (r float32)
TEXT ·l2F32NEON(SB), NOSPLIT, $0-28
	PAIR(SQR4)

// func dotRowsF32NEON(q, rows *float32, n, strideBytes int, out *float32, count int)
TEXT ·dotRowsF32NEON(SB), NOSPLIT, $0-48
	ROWS(DOT4)

// func l2RowsF32NEON(q, rows *float32, n, strideBytes int, out *float32, count int)
TEXT ·l2RowsF32NEON(SB), NOSPLIT, $0-48
	ROWS(SQR4)

// func dotGatherF32NEON(q, rows *float32, n, strideBytes int, ids *uint32, out *float32, count int)
TEXT ·dotGatherF32NEON(SB), NOSPLIT, $0-56
	GATHER(DOT4)

// func l2GatherF32NEON(q, rows *float32, n, strideBytes int, ids *uint32, out *float32, count int)
TEXT ·l2GatherF32NEON(SB), NOSPLIT, $0-56
	GATHER(SQR4)
