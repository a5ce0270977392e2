"""Runs other libraries for Vectorizer's benchmarks.

The benchmark starts this program once per library and speaks with it in lines
of JSON on standard input and output, so that both are measured in turn in the
same run:

  {"do":"open","name":"hnswlib","base":"b.npy","queries":"q.npy","metric":"cosine",
   "m":16,"k":10}                                 -> {"version":"..."}
  {"do":"build","threads":2,"ef_construction":200}
                                                  -> {"seconds":1.5,"bytes":123}
  {"do":"search","ef":64,"threads":1,"seconds":2,"cpus":[1]}
                                                  -> {"qps":1000.0,"rows":[[...]]}

A search asks all queries in one call of the library, again and again, so no
time of Python is counted per query. An answer {"error":"..."} says what failed.
"""

import json
import os
import sys
import time

import numpy as np


class Hnswlib:
    def version(self):
        import importlib.metadata

        return "hnswlib " + importlib.metadata.version("hnswlib") + ", built from source with -march=native"

    def build(self, o, base, threads):
        import hnswlib

        space = {"cosine": "cosine", "euclidean": "l2", "dot": "ip"}[o["metric"]]
        self.index = hnswlib.Index(space=space, dim=base.shape[1])
        self.index.init_index(max_elements=len(base), M=o["m"], ef_construction=o["ef_construction"],
                              random_seed=100)
        self.index.add_items(base, num_threads=threads)

    def search(self, queries, k, ef, threads):
        self.index.set_ef(ef)
        return self.index.knn_query(queries, k=k, num_threads=threads)[0]


class Faiss:
    """IndexHNSWFlat; under cosine on rows of unit length with inner products."""

    def version(self):
        import faiss

        return "faiss " + faiss.__version__ + ", " + faiss.get_compile_options().strip()

    def build(self, o, base, threads):
        import faiss

        faiss.omp_set_num_threads(threads)
        self.unit = o["metric"] == "cosine"
        metric = faiss.METRIC_L2 if o["metric"] == "euclidean" else faiss.METRIC_INNER_PRODUCT
        self.index = faiss.IndexHNSWFlat(base.shape[1], o["m"], metric)
        self.index.hnsw.efConstruction = o["ef_construction"]
        self.index.add(unit(base) if self.unit else base)

    def search(self, queries, k, ef, threads):
        import faiss

        faiss.omp_set_num_threads(threads)
        self.index.hnsw.efSearch = ef
        return self.index.search(unit(queries) if self.unit else queries, k)[1]


class Usearch:
    def version(self):
        import usearch

        return "usearch " + usearch.__version__

    def build(self, o, base, threads):
        from usearch.index import Index

        metric = {"cosine": "cos", "euclidean": "l2sq", "dot": "ip"}[o["metric"]]
        self.index = Index(ndim=base.shape[1], metric=metric, dtype="f32", connectivity=o["m"],
                           expansion_add=o["ef_construction"])
        self.index.add(np.arange(len(base)), base, threads=threads)

    def search(self, queries, k, ef, threads):
        self.index.expansion_search = ef
        return self.index.search(queries, k, threads=threads).keys


class OpenBLAS:
    """Exact search: numpy's matrix product and a selection. Rows are taken in blocks
    whose products stay in the cache; the whole matrix at once is slower. With ef 0 the
    products alone are computed, without a selection."""

    block = 8192

    def version(self):
        config = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
        return f"numpy {np.__version__}, {config.get('name')} {config.get('version')}"

    def build(self, o, base, threads):
        if o["metric"] != "cosine":
            raise ValueError("only cosine is measured")
        self.base = unit(base)

    def search(self, queries, k, ef, threads):
        queries, best = unit(queries), None
        for at in range(0, len(self.base), self.block):
            d = 1 - queries @ self.base[at:at + self.block].T
            if ef == 0:
                continue
            n = min(k, d.shape[1])
            i = np.argpartition(d, n - 1, axis=1)[:, :n]
            d, i = np.take_along_axis(d, i, axis=1), i + at
            if best is not None:
                d, i = np.concatenate((best[0], d), axis=1), np.concatenate((best[1], i), axis=1)
                j = np.argpartition(d, k - 1, axis=1)[:, :k]
                d, i = np.take_along_axis(d, j, axis=1), np.take_along_axis(i, j, axis=1)
            best = d, i
        return best[1] if best else np.zeros((len(queries), k), int)


LIBRARIES = {"hnswlib": Hnswlib, "faiss": Faiss, "usearch": Usearch, "openblas": OpenBLAS}


def unit(rows):
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def resident():
    with open("/proc/self/status") as f:
        for line in f:
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
    return 0


class Session:
    def open(self, o):
        self.options = o
        self.library = LIBRARIES[o["name"]]()
        self.base = np.load(o["base"])
        self.queries = np.load(o["queries"])
        self.cpus = os.sched_getaffinity(0)
        return {"version": self.library.version()}

    def build(self, o):
        name = self.options["name"]
        self.library = None  # free the one built before
        self.library = LIBRARIES[name]()
        os.sched_setaffinity(0, self.cpus)
        options = self.options | {"ef_construction": o["ef_construction"]}
        before, start = resident(), time.perf_counter()
        self.library.build(options, self.base, o["threads"])
        return {"seconds": time.perf_counter() - start, "bytes": max(resident() - before, 0)}

    def search(self, o):
        if o.get("cpus"):
            for task in os.listdir("/proc/self/task"):
                try:
                    os.sched_setaffinity(int(task), set(o["cpus"]))
                except ProcessLookupError:
                    pass
        k, ef, threads = self.options["k"], o["ef"], o["threads"]
        rows = self.library.search(self.queries, k, ef, threads)
        rounds, start = 0, time.perf_counter()
        while True:
            self.library.search(self.queries, k, ef, threads)
            rounds += 1
            took = time.perf_counter() - start
            if took >= o["seconds"]:
                break
        return {"qps": rounds * len(self.queries) / took, "rows": np.asarray(rows).astype(int).tolist()}


def main():
    if "--versions" in sys.argv:
        for library in LIBRARIES.values():
            print(library().version())
        return
    session = Session()
    for line in sys.stdin:
        o = json.loads(line)
        try:
            answer = getattr(session, {"open": "open", "build": "build", "search": "search"}[o["do"]])(o)
        except Exception as e:  # the benchmark prints it and stops
            answer = {"error": f"{type(e).__name__}: {e}"}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
