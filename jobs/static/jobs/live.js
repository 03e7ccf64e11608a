"use strict";
// Keeps the jobs on a page live: asks for those not yet final.
(() => {
  const IDS_AT_ONCE = 200;

  const root = () => document.querySelector("[data-live-url]");
  const liveIds = () =>
    [...document.querySelectorAll("[data-live]")].map((mark) => mark.dataset.job).slice(0, IDS_AT_ONCE);

  const SHOW = {
    state(element, job) {
      element.textContent = job.state;
      element.className = `vc-badge vc-badge--${job.state}`;
      element.toggleAttribute("data-live", !job.is_final);
    },
    progress(element, job) {
      element.value = job.progress;
      element.textContent = job.percent;
      element.className = `vc-bar vc-bar--${job.state}`;
    },
  };

  function showStage(element, job) {
    const state = job.stages[element.dataset.stage];
    element.className = `vc-stage vc-stage--${state}`;
    if (state === "current") element.setAttribute("aria-current", "step");
    else element.removeAttribute("aria-current");
  }

  function show(job) {
    for (const element of document.querySelectorAll(`[data-job="${CSS.escape(job.id)}"]`)) {
      const name = element.dataset.show;
      if (!name) showStage(element, job);
      else if (SHOW[name]) SHOW[name](element, job);
      else element.textContent = job[name];
    }
  }

  function hasMovedOn(job) {
    const mark = document.querySelector(`[data-live][data-job="${CSS.escape(job.id)}"]`);
    return mark !== null && mark.textContent !== job.state;
  }

  async function ask() {
    const ids = liveIds();
    const url = `${root().dataset.liveUrl}?ids=${ids.join(",")}`;
    const response = await fetch(url, { headers: { Accept: "application/json" }, cache: "no-store" });
    if (response.redirected || response.status === 403) return false; // logged out
    if (!response.ok) throw new Error(`status ${response.status}`);
    const { jobs } = await response.json();
    // A page of one job has more to show in another state: its buttons, its error, its video.
    if ("livePage" in root().dataset && (jobs.length === 0 || jobs.some(hasMovedOn))) {
      window.location.reload();
      return false;
    }
    jobs.forEach(show);
    drawAnew();
    const answered = new Set(jobs.map((job) => job.id));
    ids.filter((id) => !answered.has(id)).forEach(forget);
    return true;
  }

  function drawAnew() {
    document.querySelectorAll("img[data-picture]").forEach((picture) => {
      picture.src = `${picture.dataset.picture}?at=${Date.now()}`;
    });
  }

  function forget(id) {
    document.querySelectorAll(`[data-live][data-job="${CSS.escape(id)}"]`).forEach((mark) => {
      mark.removeAttribute("data-live");
    });
  }

  poll(ask, () => root() !== null && liveIds().length > 0);
})();
