/* The C loops that the Go kernels are compared with. Built and run by simdbench
 * with -O3 -march=native, once as the language demands (sums in order) and once
 * with -ffast-math, which lets the compiler use vector sums.
 *
 * Input: arguments kernel (dot, l2, doti8, l2i8) dim rows group ahead seconds. Output: nanoseconds per row. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

static float dot(const float *restrict a, const float *restrict b, int n) {
	float s = 0;
	for (int i = 0; i < n; i++) s += a[i] * b[i];
	return s;
}

static float l2(const float *restrict a, const float *restrict b, int n) {
	float s = 0;
	for (int i = 0; i < n; i++) {
		float d = a[i] - b[i];
		s += d * d;
	}
	return s;
}

static int32_t doti8(const int8_t *restrict a, const int8_t *restrict b, int n) {
	int32_t s = 0;
	for (int i = 0; i < n; i++) s += a[i] * b[i];
	return s;
}

static int32_t l2i8(const int8_t *restrict a, const int8_t *restrict b, int n) {
	int32_t s = 0;
	for (int i = 0; i < n; i++) {
		int32_t d = a[i] - b[i];
		s += d * d;
	}
	return s;
}

/* fetch touches every line of a row. */
static void fetch(const void *row, int bytes) {
	for (int i = 0; i < bytes; i += 64) __builtin_prefetch((const char *)row + i);
}

#define GATHER(name, elem, result, distance) \
	static __attribute__((noinline)) void name(int ahead, const elem *restrict q, \
		const elem *restrict rows, int dim, const uint32_t *restrict ids, \
		result *restrict out, int count) { \
		for (int i = 0; i < count; i++) { \
			if (ahead && i + ahead < count) \
				fetch(rows + (size_t)ids[i + ahead] * dim, dim * sizeof(elem)); \
			out[i] = distance(q, rows + (size_t)ids[i] * dim, dim); \
		} \
	}

GATHER(gather_dot, float, float, dot)
GATHER(gather_l2, float, float, l2)
GATHER(gather_doti8, int8_t, int32_t, doti8)
GATHER(gather_l2i8, int8_t, int32_t, l2i8)

static double now(void) {
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + 1e-9 * t.tv_nsec;
}

int main(int argc, char **argv) {
	if (argc != 7) return 2;
	const char *kernel = argv[1];
	int dim = atoi(argv[2]), n = atoi(argv[3]);
	int group = atoi(argv[4]), ahead = atoi(argv[5]);
	double seconds = atof(argv[6]);
	int bytes_each = strstr(kernel, "i8") ? 1 : 4;
	size_t bytes = (size_t)n * dim * bytes_each;
	void *rows = mmap(0, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (rows == MAP_FAILED) return 3;
	madvise(rows, bytes, MADV_HUGEPAGE);
	uint64_t x = 88172645463325252ull;
	for (size_t i = 0; i < (size_t)n * dim; i++) {
		x ^= x << 13; x ^= x >> 7; x ^= x << 17;
		if (bytes_each == 1) ((int8_t *)rows)[i] = x >> 40;
		else ((float *)rows)[i] = (float)(x >> 40) / (1 << 24) - 0.5f;
	}
	int nids = 1 << 16;
	uint32_t *ids = malloc(4 * nids);
	void *out = malloc(4 * group), *q = malloc(4 * dim);
	for (int i = 0; i < nids; i++) {
		x ^= x << 13; x ^= x >> 7; x ^= x << 17;
		ids[i] = (x >> 20) % n;
	}
	for (int i = 0; i < dim; i++) {
		if (bytes_each == 1) ((int8_t *)q)[i] = i - dim / 2;
		else ((float *)q)[i] = (float)i / dim - 0.5f;
	}
	double best = 1e9, end = now() + seconds, sink = 0;
	while (now() < end) {
		double t = now();
		for (int i = 0; i + group <= nids; i += group) {
			if (!strcmp(kernel, "dot")) gather_dot(ahead, q, rows, dim, ids + i, out, group);
			else if (!strcmp(kernel, "l2")) gather_l2(ahead, q, rows, dim, ids + i, out, group);
			else if (!strcmp(kernel, "doti8")) gather_doti8(ahead, q, rows, dim, ids + i, out, group);
			else if (!strcmp(kernel, "l2i8")) gather_l2i8(ahead, q, rows, dim, ids + i, out, group);
			else return 4;
			sink += ((unsigned char *)out)[4 * group - 1];
		}
		t = (now() - t) / (nids / group * group);
		if (t < best) best = t;
	}
	printf("%.3f %g\n", best * 1e9, sink);
	return 0;
}
