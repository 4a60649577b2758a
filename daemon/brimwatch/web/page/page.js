"use strict";
(() => {
  const parts = ["head", "notes", "tiers", "rows", "events", "shown"];
  const lost = document.getElementById("lost");
  let since = null;

  const reading = () => {
    const picked = getSelection();
    return document.hidden || (picked && !picked.isCollapsed);
  };

  const replace = (text) => {
    const fresh = new DOMParser().parseFromString(text, "text/html");
    for (const part of parts) {
      const from = fresh.getElementById(part);
      const to = document.getElementById(part);
      if (from && to) to.replaceChildren(...from.childNodes);
    }
    document.title = fresh.title;
  };

  const refresh = async () => {
    if (reading()) return;
    try {
      const answer = await fetch(location.pathname, { cache: "no-store", signal: AbortSignal.timeout(5000) });
      if (!answer.ok) throw new Error(answer.statusText || String(answer.status));
      replace(await answer.text());
      since = null;
      lost.textContent = "";
    } catch {
      since = since || new Date();
      lost.textContent = `Brimwatch has not answered since ${since.toLocaleTimeString()}: what is below is as old as that.`;
    }
  };

  const next = async () => {
    await refresh();
    setTimeout(next, since ? 5000 : 2000);
  };
  setTimeout(next, 2000);
})();
