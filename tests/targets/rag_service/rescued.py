"""The naive service with ten lines added, so that a daemon can help it: which caches may go, and when."""

from tests.targets.rag_service import naive

from brimwatch import hooks

hooks.clear(naive.ANSWERS, naive.RETRIEVED, naive.EMBEDDINGS, tier="warning", name="answers", group="medical")
hooks.clear(naive.DOCUMENTS, tier="critical", name="documents", group="medical")
hooks.clear(naive.SESSIONS, tier="emergency", name="sessions", order=60)
naive.app.wsgi_app = hooks.wsgi(naive.app.wsgi_app, local=True)  # type: ignore[method-assign]
hooks.install()

if __name__ == "__main__":
    naive.main()
