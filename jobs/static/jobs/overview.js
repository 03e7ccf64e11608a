"use strict";
// Keeps the overview live: takes from the server what of it has changed, and leaves the rest, and the focus, alone.
(() => {
  const board = () => document.querySelector("[data-board-url]");

  // What a part shows: its text, or, of a form, whose token is another each time, what it says it is in.
  const shown = (part) => part.dataset.state ?? part.innerHTML;

  function take(part, fresh) {
    if (shown(part) === shown(fresh)) return;
    const focused = part.contains(document.activeElement) ? document.activeElement : null;
    if (fresh.dataset.state) part.dataset.state = fresh.dataset.state;
    part.replaceChildren(...document.importNode(fresh, true).childNodes);
    if (focused) find(part, focused)?.focus({ preventScroll: true });
  }

  function find(part, focused) {
    if (focused.id) return document.getElementById(focused.id);
    const href = focused.getAttribute("href");
    return href ? part.querySelector(`a[href="${CSS.escape(href)}"]`) : part.querySelector(focused.tagName);
  }

  async function ask() {
    const response = await fetch(board().dataset.boardUrl, { cache: "no-store" });
    if (response.redirected || response.status === 403) return false; // logged out
    if (!response.ok) throw new Error(`status ${response.status}`);
    const fresh = new DOMParser().parseFromString(await response.text(), "text/html");
    for (const part of document.querySelectorAll("[data-part]")) {
      const found = fresh.querySelector(`[data-part="${CSS.escape(part.dataset.part)}"]`);
      if (found) take(part, found);
    }
    return true;
  }

  poll(ask, () => board() !== null);
})();
