"""The service as the field reports describe it: all is imported and loaded at start, and nothing is ever given back.

Dicts without bounds for caches, sessions that never expire, four threads for each background service, room for 100,000
vectors. `python -m tests.targets.rag_service.naive`, or `brimwatch hooks run --` before it; rescued.py adds ten lines.
"""

import gc
import itertools
import logging
import threading
import time
from typing import Any

import numpy as np
import sklearn.decomposition  # loaded at start, needed or not
import sklearn.feature_extraction.text  # noqa: F401
from flask import Flask, request
from tests.targets.rag_service.embedder import EMBEDDERS
from tests.targets.rag_service.figures import Served, figures
from tests.targets.rag_service.index import VECTORS
from tests.targets.rag_service.own import resident
from tests.targets.rag_service.passages import passages
from tests.targets.rag_service.services import NAMES, chore, forever
from tests.targets.rag_service.settings import from_environment
from werkzeug.serving import make_server

SETTINGS = from_environment("sklearn")
THREADS_EACH = 4
SHOWN = 5  # passages under an answer
TURNS, OBJECTS_A_TURN = 12, 6  # of a conversation that is read in
DOCUMENT = 200_000  # characters of a document that is read in

EMBEDDINGS: dict[str, list[float]] = {}
RETRIEVED: dict[str, list[dict[str, Any]]] = {}
ANSWERS: dict[str, dict[str, Any]] = {}
SESSIONS: dict[str, dict[str, Any]] = {}
DOCUMENTS: dict[str, str] = {}

served = Served()
app = Flask(__name__)
known = passages()
embedder = EMBEDDERS[SETTINGS.embedder](SETTINGS.folder)
index = np.zeros((SETTINGS.capacity, embedder.dimensions), "float32")
index[: len(known)] = np.load(SETTINGS.folder / VECTORS)


def retrieve(text: str) -> list[dict[str, Any]]:
    vector = EMBEDDINGS[text] = embedder.embed(text).tolist()
    scores = index[: len(known)] @ np.array(vector, "float32")
    best = np.argsort(-scores)[:SHOWN]
    return [{"title": known[n].title, "text": known[n].text, "number": int(n), "score": float(scores[n])} for n in best]


def answer(text: str, session: str) -> dict[str, Any]:
    found = ANSWERS.get(text)
    served.note(found is not None)
    if found is None:
        sources = RETRIEVED[text] = retrieve(text)
        found = ANSWERS[text] = {"answer": sources[0]["text"], "sources": sources, "mode": "vectors"}
    remember(session, text, found)
    return found


def remember(session: str, text: str, found: dict[str, Any]) -> None:
    history = SESSIONS.setdefault(session, {"started": time.time(), "history": []})["history"]
    history.append({"role": "user", "text": text, "at": time.time(), "about": []})
    history.append({"role": "service", "text": str(found["answer"]), "at": time.time(), "about": [found]})


@app.get("/ask")
def ask() -> dict[str, Any]:
    found = answer(request.args["q"], request.args.get("session", "nobody"))
    return {**found, "memory_usage_gb": resident() / 1e9}


@app.get("/health")
def health() -> dict[str, Any]:
    return {"ready": True}


@app.get("/figures")
def tell_figures() -> dict[str, Any]:
    return figures({"answers": served.ratio()})


@app.post("/replay")
def replay() -> dict[str, Any]:
    """Read in yesterday's conversations until there are so many objects, then documents up to this resident set."""
    wanted = request.get_json()
    numbers = itertools.count(len(SESSIONS))
    while (lacking := wanted.get("objects", 0) - len(gc.get_objects())) > 0:
        for number in itertools.islice(numbers, 1 + lacking // (OBJECTS_A_TURN * TURNS)):
            for turn in range(TURNS):
                text = f"{known[(number + turn) % len(known)].text} ({number})"
                remember(f"yesterday-{number}", text[:60], {"answer": text, "sources": []})
    while resident() < wanted.get("rss_bytes", 0):
        name = f"document-{len(DOCUMENTS)}"
        DOCUMENTS[name] = (name + known[len(DOCUMENTS) % len(known)].text) * (DOCUMENT // 250)
    return {"objects": len(gc.get_objects()), "rss_bytes": resident()}


def main() -> None:
    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # nobody reads a line for each request here
    watched = {"answers": ANSWERS, "sessions": SESSIONS, "documents": DOCUMENTS}
    for name in NAMES:
        for number in range(THREADS_EACH):
            once = chore(name, watched)
            threading.Thread(target=forever, args=[once], name=f"{name}-{number}", daemon=True).start()
    make_server("127.0.0.1", SETTINGS.port, app, threaded=True).serve_forever()


if __name__ == "__main__":
    main()
