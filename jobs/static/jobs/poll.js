"use strict";
// Asks again and again, every two seconds, while the page is seen; less often while there is no answer.
// `ask` returns whether to go on, and `isWorthwhile` whether there is anything to ask for.
function poll(ask, isWorthwhile) {
  const PERIOD_MS = 2000;
  const MAX_PERIOD_MS = 30000;
  let periodMs = PERIOD_MS;
  let timer = null;
  let isAsking = false;

  async function tick() {
    timer = null;
    isAsking = true;
    let goesOn = true;
    try {
      goesOn = await ask();
      periodMs = PERIOD_MS;
    } catch {
      periodMs = Math.min(periodMs * 2, MAX_PERIOD_MS);
    } finally {
      isAsking = false;
    }
    if (goesOn) schedule(periodMs);
  }

  function schedule(delayMs) {
    if (timer === null && !isAsking && !document.hidden && isWorthwhile()) {
      timer = window.setTimeout(tick, delayMs);
    }
  }

  document.addEventListener("visibilitychange", () => {
    if (document.hidden) {
      window.clearTimeout(timer);
      timer = null;
    } else {
      schedule(0);
    }
  });
  schedule(PERIOD_MS);
}
