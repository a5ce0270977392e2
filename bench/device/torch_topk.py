"""Measures exact search as torch does it: one matrix product and one topk.

    torch_topk.py ROWS DIM QUERIES K

prints one JSON object: the card's copy bandwidth and bf16 rate, and for each
arithmetic the median time of a call, with inputs resident, and its recall against
f32. Queries are split so that the distance matrix takes at most 8 GB.
"""

import json
import statistics
import sys

import torch


def median_ms(call, repeat=15, warm=3):
    for _ in range(warm):
        call()
    times = []
    for _ in range(repeat):
        begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        begin.record()
        call()
        end.record()
        end.synchronize()
        times.append(begin.elapsed_time(end))
    return statistics.median(times)


def ceilings():
    a = torch.randn(1 << 29, device="cuda")
    b = torch.empty_like(a)
    copy = 2 * a.numel() * 4 / median_ms(lambda: b.copy_(a)) / 1e6
    del a, b
    n = 8192
    x, y = (torch.randn(n, n, device="cuda", dtype=torch.bfloat16) for _ in range(2))
    return copy, 2 * n**3 / median_ms(lambda: x @ y) / 1e9


def search(rows, queries, k, step):
    return torch.cat([(q @ rows.T).topk(k, dim=1).indices for q in queries.split(step)])


def main():
    n, dim, count, k = map(int, sys.argv[1:5])
    if not torch.cuda.is_available():
        sys.exit("torch_topk.py: torch sees no CUDA device")
    torch.manual_seed(1)
    copy, rate = ceilings()
    rows = torch.nn.functional.normalize(torch.randn(n, dim, device="cuda"), dim=1)
    queries = torch.nn.functional.normalize(torch.randn(count, dim, device="cuda"), dim=1)
    runs = []
    torch.backends.cuda.matmul.allow_tf32 = False
    truth = search(rows, queries, k, max(1, (2 << 30) // n))
    for name, dtype, tf32 in (
        ("f32", torch.float32, False),
        ("tf32", torch.float32, True),
        ("bf16", torch.bfloat16, False),
    ):
        torch.backends.cuda.matmul.allow_tf32 = tf32
        r, q = rows.to(dtype), queries.to(dtype)
        step = max(1, (8 << 30) // (n * r.element_size()))
        found = search(r, q, k, step)
        hits = sum(len(set(a.tolist()) & set(b.tolist())) for a, b in zip(found, truth))
        runs.append({
            "name": name,
            "ms": median_ms(lambda: search(r, q, k, step)),
            "recall": hits / (count * k),
        })
        del r, q
    print(json.dumps({
        "version": torch.__version__,
        "device": torch.cuda.get_device_name(),
        "copy_gb_s": copy,
        "bf16_tflop_s": rate,
        "runs": runs,
    }))


if __name__ == "__main__":
    main()
