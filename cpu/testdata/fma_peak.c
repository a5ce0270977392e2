/* The rate of vector multiply-adds: 24 independent sums in registers and no loads. The
 * block products of exact search are compared with it in cpu/NOTES.md.
 *
 *	gcc -O2 -mavx512f -o peak cpu/testdata/fma_peak.c && ./peak
 */
#include <stdio.h>
#include <time.h>

static double now(void) {
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec * 1e-9;
}

#define FMA(i) "vfmadd231ps %%zmm30, %%zmm31, %%zmm" #i "\n"
#define FMA8(a, b, c, d, e, f, g, h) FMA(a) FMA(b) FMA(c) FMA(d) FMA(e) FMA(f) FMA(g) FMA(h)

int main(void) {
	const long turns = 10000000;
	for (int round = 0; round < 6; round++) {
		long left = turns;
		double begin = now();
		__asm__ volatile(
			"vxorps %%xmm30, %%xmm30, %%xmm30\n"
			"vmovaps %%zmm30, %%zmm31\n"
			"1:\n" FMA8(0, 1, 2, 3, 4, 5, 6, 7) FMA8(8, 9, 10, 11, 12, 13, 14, 15)
				FMA8(16, 17, 18, 19, 20, 21, 22, 23) "dec %0\n"
			"jnz 1b\n"
			: "+r"(left)
			:
			: "zmm0", "zmm1", "zmm2", "zmm3", "zmm4", "zmm5", "zmm6", "zmm7", "zmm8", "zmm9",
			  "zmm10", "zmm11", "zmm12", "zmm13", "zmm14", "zmm15", "zmm16", "zmm17", "zmm18",
			  "zmm19", "zmm20", "zmm21", "zmm22", "zmm23", "zmm30", "zmm31");
		printf("%.1f Gmul/s\n", turns * 24.0 * 16 / (now() - begin) / 1e9);
	}
	return 0;
}
