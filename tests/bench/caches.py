"""What does a cache cost that knows its bytes, beside cachetools, and what a search by vectors, in how much memory?"""

import json
import statistics
import subprocess
import sys
import tempfile

from tests.bench.figure import emit, say
from tests.hooks.conftest import DAEMON

RUNS = 5
ENTRIES = 1000
SUBJECTS = {
    "PriorityCache": "hooks.PriorityCache({'all': 1 << 40}, max_entries=N, ttl=300)",
    "PriorityCache, sizeof given": "hooks.PriorityCache({'all': 1 << 40}, max_entries=N, ttl=300, sizeof=len)",
    "cachetools.TTLCache": "Plain(cachetools.TTLCache(N, 300))",
    "cachetools.TTLCache with a lock": "Locked(cachetools.TTLCache(N, 300))",
    "cachetools.TTLCache with a lock and our sizes": "Locked(cachetools.TTLCache(1 << 40, 300, getsizeof=estimate))",
}
CODE = f"""
import json, sys, threading, time, tracemalloc
sys.path.insert(0, {str(DAEMON)!r})
import cachetools
from brimwatch import hooks
from brimwatch.hooks.sizes import estimate

N = {ENTRIES}

class Plain:
    def __init__(self, cache): self.cache = cache
    def get(self, key): return self.cache.get(key)
    def set(self, key, value): self.cache[key] = value

class Locked(Plain):
    lock = threading.RLock()
    def get(self, key):
        with self.lock: return self.cache.get(key)
    def set(self, key, value):
        with self.lock: self.cache[key] = value

def took(work, keys):
    began = time.process_time()
    for key in keys: work(key)
    return (time.process_time() - began) / len(keys)

keys = [f"customer {{n}}" for n in range(2 * N)]
texts = ["x" * 500 for _ in keys]
value = dict(zip(keys, texts))
cache = eval(sys.argv[1])
for key in keys[:N]: cache.set(key, value[key])
found = {{
    "get_hit": took(cache.get, keys[:N] * 30),
    "get_miss": took(cache.get, keys[N:] * 30),
    "set_again": took(lambda key: cache.set(key, value[key]), keys[:N] * 10),
    "set_evicting": took(lambda key: cache.set(key, value[key]), keys * 10),
}}
del cache
hooks.PriorityCache().close()
tracemalloc.start()
before = tracemalloc.get_traced_memory()[0]
cache = eval(sys.argv[1])
empty = tracemalloc.get_traced_memory()[0]
for key in keys[:N]: cache.set(key, value[key])
found["bytes_per_entry"] = (tracemalloc.get_traced_memory()[0] - empty) / N
if hasattr(cache, "size_bytes"):
    found["bytes_counted_per_entry"] = cache.size_bytes() / N - sum(map(sys.getsizeof, (*keys[:N], *texts[:N]))) / N
print(json.dumps(found))
"""
VECTORS = f"""
import json, sys, time
sys.path.insert(0, {str(DAEMON)!r})
import numpy
from brimwatch import hooks
from brimwatch.hooks.process import rss

number, dimensions, folder = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
axes = numpy.linalg.qr(numpy.random.default_rng(9).standard_normal((dimensions, dimensions)))[0].astype('f4')
strength = ((1 + numpy.arange(dimensions)) ** -0.9).astype('f4')

def piece(seed, rows):
    return (numpy.random.default_rng(seed).standard_normal((rows, dimensions), dtype='f4') * strength) @ axes.T

store = hooks.VectorStore(folder + '/v', dimensions=int(sys.argv[4]))
whole = numpy.empty((number, dimensions), 'f4')
began = time.process_time()
for first in range(0, number, 500):
    rows = min(500, number - first)
    whole[first:first + rows] = made = piece(first, rows)
    store.add_many([f'k{{n}}' for n in range(first, first + rows)], made, priorities=1.0)
queries = piece(12345678, 50)
lengths = numpy.linalg.norm(whole, axis=1)
hits = ours = theirs = 0
for query in queries:
    began = time.process_time()
    found = store.search(query)
    ours += time.process_time() - began
    began = time.process_time()
    best = numpy.argsort(-(whole @ query / lengths))[:10]
    theirs += time.process_time() - began
    hits += len({{hit.key for hit in found}} & {{f'k{{n}}' for n in best}})
info = store.info()
store.close()
print(json.dumps({{
    'recall_at_10': hits / 500, 'search_cpu': ours / 50, 'brute_force_cpu': theirs / 50,
    **{{key: info[key] for key in ('dimensions', 'variance_retained', 'file_bytes')}}}}))
"""
RESIDENT = f"""
import json, sys
sys.path.insert(0, {str(DAEMON)!r})
import numpy, sqlite3
from brimwatch import hooks
from brimwatch.hooks import VectorStore
from brimwatch.hooks.process import rss

queries = numpy.random.default_rng(5).standard_normal((50, int(sys.argv[2])), dtype='f4')
(queries @ queries.T).sum()  # the libraries take what they need
before, most = rss(), 0
with VectorStore(sys.argv[1] + '/v') as store:
    for query in queries:
        store.search(query)
        most = max(most, rss() - before)
    print(json.dumps({{'bytes': store.size_bytes(), 'resident_grown': most}}))
"""
LEVEL = f"""
import json, sys
sys.path.insert(0, {str(DAEMON)!r})
from brimwatch import hooks
from brimwatch.hooks.process import rss

hooks.configure(level=sys.argv[1])
cache = hooks.PriorityCache()
before = rss()
for kind in ('critical', 'important', 'general'):
    for number in range(20_000):
        cache.set(f'{{kind}} {{number}}', 'x' * (number % 2000), kind)
print(json.dumps({{'bytes': cache.size_bytes(), 'budget_bytes': cache.stats()['budget_bytes'],
                  'resident_grown': rss() - before}}))
"""
LEVELS = ("basic", "standard", "aggressive")
STORES = ((500, 768, 768), (50_000, 768, 768), (8_000, 1536, 768))


def run() -> None:
    """All figures, each in a process of its own; the median of several runs."""
    for subject, made in SUBJECTS.items():
        report_cache(subject, made)
    for level in LEVELS:
        for figure, value in look(LEVEL, level).items():
            emit("caches", figure, value, "bytes", 20_000, f"PriorityCache without budgets, level {level}, full")
    for number, dimensions, target in STORES:
        report_store(number, dimensions, target)


def report_cache(subject: str, made: str) -> None:
    """CPU time of a call and bytes of an entry beside its key and value, at 1,000 entries of 500 bytes."""
    runs = [look(CODE, made) for _ in range(RUNS)]
    for figure in runs[0]:
        value = statistics.median(found[figure] for found in runs)
        if figure.startswith("bytes"):
            emit("caches", figure, value, "bytes", ENTRIES, subject)
        else:
            emit("caches", f"{figure}_cpu", value * 1e6, "us", ENTRIES, subject)


def report_store(number: int, dimensions: int, target: int) -> None:
    """Recall and time; how far the resident set of a program grows that opens the store and searches fifty times."""
    say(f"{number} vectors of {dimensions} dimensions")
    with tempfile.TemporaryDirectory() as folder:
        found = look(VECTORS, str(number), str(dimensions), folder, str(target))
        found |= look(RESIDENT, folder, str(dimensions))
    subject = f"VectorStore, {dimensions} to {found.pop('dimensions')} dimensions, float16"
    brute = found.pop("brute_force_cpu")
    emit("caches", "search_cpu", brute * 1e3, "ms", number, f"numpy float32 in memory, {dimensions} dimensions")
    emit("caches", "search_cpu", found.pop("search_cpu") * 1e3, "ms", number, subject)
    for figure, value in found.items():
        emit(
            "caches",
            figure,
            value,
            "ratio" if figure in ("recall_at_10", "variance_retained") else "bytes",
            number,
            subject,
        )


def look(code: str, *arguments: str) -> dict[str, float]:
    """What a program prints."""
    command = [sys.executable, "-c", code, *arguments]
    answer = subprocess.run(command, capture_output=True, text=True, timeout=600, check=True)
    found: dict[str, float] = json.loads(answer.stdout)
    return found
