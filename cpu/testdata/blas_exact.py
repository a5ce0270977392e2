"""Exact search as OpenBLAS sgemm plus selection, for comparison with
BenchmarkExact: 100,000 x 256 rows, batches of 64, the 10 best.

    OPENBLAS_NUM_THREADS=2 python3 cpu/testdata/blas_exact.py
    go test ./cpu -run xxx -bench Exact

Prints the best time of a batch over 20, product alone and with selection.
Rows are taken in blocks of 8,192 so that the products stay in the cache; the
whole matrix at once is slower."""
import time

import numpy as np

rows, dim, batch, k, block = 100_000, 256, 64, 10, 8192
rng = np.random.default_rng(1)
base = rng.standard_normal((rows, dim), dtype=np.float32)
queries = rng.standard_normal((batch, dim), dtype=np.float32)


def search(select):
    best_d = best_i = None
    for at in range(0, rows, block):
        d = 1 - queries @ base[at:at + block].T
        if not select:
            continue
        i = np.argpartition(d, k, axis=1)[:, :k]
        d, i = np.take_along_axis(d, i, axis=1), i + at
        if best_d is not None:
            d, i = np.concatenate((best_d, d), axis=1), np.concatenate((best_i, i), axis=1)
            j = np.argpartition(d, k, axis=1)[:, :k]
            d, i = np.take_along_axis(d, j, axis=1), np.take_along_axis(i, j, axis=1)
        best_d, best_i = d, i


for select in (False, True):
    best = 1e9
    for _ in range(20):
        start = time.perf_counter()
        search(select)
        best = min(best, time.perf_counter() - start)
    print(f"{'with selection' if select else 'product alone'}: {best * 1e3:.1f} ms, "
          f"{rows * dim * batch / best / 1e9:.1f} Gmul/s, {batch / best:.0f} queries/s")
