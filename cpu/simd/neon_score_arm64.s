//go:build arm64 && !noasm && gc

#include "textflag.h"

// Products of codes of four bits and of one, whole lines of a row, one row after the
// other. Encoded here as in neon_i8_arm64.s:
//
//	SMULL  Vd.8H, Vn.8B, Vm.8B    SMULL2 takes the upper halves
//	SMLAL  Vd.8H, Vn.8B, Vm.8B    SMLAL2 takes the upper halves
//	SADALP Vd.4S, Vn.8H           adds neighbouring pairs to Vd
//	SADDLP Vd.8H, Vn.16B          adds neighbouring pairs
//	SADALB Vd.8H, Vn.16B          SADALP of bytes
#define SMULL(M, N, D)  WORD $(0x0E20C000 | (M)<<16 | (N)<<5 | (D))
#define SMULL2(M, N, D) WORD $(0x4E20C000 | (M)<<16 | (N)<<5 | (D))
#define SMLAL(M, N, D)  WORD $(0x0E208000 | (M)<<16 | (N)<<5 | (D))
#define SMLAL2(M, N, D) WORD $(0x4E208000 | (M)<<16 | (N)<<5 | (D))
#define SADALP(N, D)    WORD $(0x4E606800 | (N)<<5 | (D))
#define SADDLP(N, D)    WORD $(0x4E202800 | (N)<<5 | (D))
#define SADALB(N, D)    WORD $(0x4E206800 | (N)<<5 | (D))

// Registers: R0 query, R25 rows, R2 stride, R1 ids, R5 out, R6 rows left, R7 query
// cursor, R8 row cursor, R19 bytes left, R12 next row; V0-V3 row, V4-V7 and V20-V31
// query and scratch, V16 and V17 sums in 16 bits, V18 in 32.

// ROWS is the loop over rows; LINE takes 64 bytes of one. What is fetched is the next
// row's first line; the last row fetches itself.
#define ROWS(LINE) \
	CBZ  R6, done \
next: \
	MOVWU.P 4(R1), R8 \
	MUL   R2, R8, R8 \
	ADD   R25, R8, R8 \
	SUBS  $1, R6, R6 \
	BEQ   fetched \
	MOVWU (R1), R12 \
	MUL   R2, R12, R12 \
	ADD   R25, R12, R12 \
	PRFM  (R12), PLDL1KEEP \
fetched: \
	MOVD  R0, R7 \
	MOVD  R2, R19 \
	VEOR  V18.B16, V18.B16, V18.B16 \
line: \
	VLD1.P 64(R8), [V0.B16, V1.B16, V2.B16, V3.B16] \
	LINE \
	SUBS  $64, R19, R19 \
	BNE   line \
	VADDV V18.S4, V4 \
	VMOV  V4.S[0], R20 \
	MOVW.P R20, 4(R5) \
	CBNZ  R6, next \
done: \
	RET

// NIBBLES splits the bytes of V(R): low halves to V24, high ones to V(R).
#define NIBBLES(R) \
	VAND  V31.B16, R.B16, V24.B16 \
	VUSHR $4, R.B16, R.B16

// Sixteen products of at most 15 x 128 fit 16 bits, and eight meet in a lane.
#define LINE4 \
	VLD1.P 64(R7), [V4.B16, V5.B16, V6.B16, V7.B16] \
	VLD1.P 64(R7), [V20.B16, V21.B16, V22.B16, V23.B16] \
	NIBBLES(V0) \
	SMULL(24, 4, 16) \
	SMULL2(24, 4, 17) \
	SMLAL(0, 20, 16) \
	SMLAL2(0, 20, 17) \
	NIBBLES(V1) \
	SMLAL(24, 5, 16) \
	SMLAL2(24, 5, 17) \
	SMLAL(1, 21, 16) \
	SMLAL2(1, 21, 17) \
	NIBBLES(V2) \
	SMLAL(24, 6, 16) \
	SMLAL2(24, 6, 17) \
	SMLAL(2, 22, 16) \
	SMLAL2(2, 22, 17) \
	NIBBLES(V3) \
	SMLAL(24, 7, 16) \
	SMLAL2(24, 7, 17) \
	SMLAL(3, 23, 16) \
	SMLAL2(3, 23, 17) \
	SADALP(16, 18) \
	SADALP(17, 18)

// COUNT leaves in C the weighted counts of each byte of R: those of the planes A, B, C
// and D count 1, 2, 4 and -8. They lie between -64 and 56.
#define COUNT(R, A, B, C, D) \
	VAND R.B16, A.B16, A.B16 \
	VAND R.B16, B.B16, B.B16 \
	VAND R.B16, C.B16, C.B16 \
	VAND R.B16, D.B16, D.B16 \
	VCNT A.B16, A.B16 \
	VCNT B.B16, B.B16 \
	VCNT C.B16, C.B16 \
	VCNT D.B16, D.B16 \
	VADD D.B16, D.B16, D.B16 \
	VSUB D.B16, C.B16, C.B16 \
	VADD C.B16, C.B16, C.B16 \
	VADD B.B16, C.B16, C.B16 \
	VADD C.B16, C.B16, C.B16 \
	VADD A.B16, C.B16, C.B16

#define LINE1 \
	VLD1.P 64(R7), [V4.B16, V5.B16, V6.B16, V7.B16] \
	VLD1.P 64(R7), [V20.B16, V21.B16, V22.B16, V23.B16] \
	VLD1.P 64(R7), [V24.B16, V25.B16, V26.B16, V27.B16] \
	VLD1.P 64(R7), [V28.B16, V29.B16, V30.B16, V31.B16] \
	COUNT(V0, V4, V20, V24, V28) \
	SADDLP(24, 16) \
	COUNT(V1, V5, V21, V25, V29) \
	SADALB(25, 16) \
	COUNT(V2, V6, V22, V26, V30) \
	SADALB(26, 16) \
	COUNT(V3, V7, V23, V27, V31) \
	SADALB(27, 16) \
	SADALP(16, 18)

// func productsU4NEON(q *int8, rows *uint8, stride int, ids *uint32, out *int32, count int)
TEXT ·productsU4NEON(SB), NOSPLIT, $0-48
	MOVD q+0(FP), R0
	MOVD rows+8(FP), R25
	MOVD stride+16(FP), R2
	MOVD ids+24(FP), R1
	MOVD out+32(FP), R5
	MOVD count+40(FP), R6
	VMOVI $15, V31.B16
	ROWS(LINE4)

// func productsU1NEON(planes *uint64, rows *uint8, stride int, ids *uint32, out *int32, count int)
TEXT ·productsU1NEON(SB), NOSPLIT, $0-48
	MOVD planes+0(FP), R0
	MOVD rows+8(FP), R25
	MOVD stride+16(FP), R2
	MOVD ids+24(FP), R1
	MOVD out+32(FP), R5
	MOVD count+40(FP), R6
	ROWS(LINE1)
