"use strict";
(() => {
  const folded = Array.from(document.querySelectorAll("details.told"));

  function unfold() {
    const target = document.getElementById(location.hash.slice(1));
    const wanted = target && target.querySelector(":scope > details.told");
    if (wanted) wanted.open = true;
  }

  addEventListener("hashchange", unfold);
  addEventListener("beforeprint", () => folded.forEach((each) => (each.open = true)));
  unfold();
})();
(() => {
  const table = document.getElementById("ranking");
  if (!table) return;
  const section = table.closest("section");
  const bodies = Array.from(table.tBodies);
  const text = document.getElementById("find");
  const choice = document.getElementById("only");
  const status = document.getElementById("found");
  const leading = Number(table.dataset.leading);
  const names = bodies.map((body) => body.querySelector(".who").textContent.toLowerCase());
  const place = new Map(bodies.map((body, at) => [body, at]));
  document.getElementById("controls").hidden = false;

  function fold() {
    Array.from(table.tBodies).forEach((body, at) => body.classList.toggle("rest", at >= leading));
  }

  function filter() {
    const wanted = text.value.trim().toLowerCase();
    const verdict = choice.value;
    let found = 0;
    bodies.forEach((body, at) => {
      const fits = names[at].includes(wanted) && (!verdict || body.dataset.verdict === verdict);
      body.hidden = !fits;
      found += fits ? 1 : 0;
    });
    section.classList.toggle("searching", Boolean(wanted || verdict));
    status.textContent = wanted || verdict ? `${found} of ${bodies.length} fit` : "";
  }

  function key(body, column) {
    const cell = body.rows[0].cells[column];
    const value = cell.dataset.s;
    if (value === undefined) return cell.textContent.trim().toLowerCase();
    return value === "" ? null : Number(value);
  }

  function compare(left, right, down) {
    if (left === null || right === null) return (left === null) - (right === null);
    const order = left < right ? -1 : left > right ? 1 : 0;
    return down ? -order : order;
  }

  function sort(header) {
    const column = header.cellIndex;
    const before = header.getAttribute("aria-sort");
    const first = header.dataset.first || "descending";
    const other = first === "descending" ? "ascending" : "descending";
    const now = before === first ? other : first;
    table.querySelectorAll("thead th").forEach((each) => each.removeAttribute("aria-sort"));
    header.setAttribute("aria-sort", now);
    const keys = new Map(bodies.map((body) => [body, key(body, column)]));
    const down = now === "descending";
    bodies
      .slice()
      .sort((a, b) => compare(keys.get(a), keys.get(b), down) || place.get(a) - place.get(b))
      .forEach((body) => table.append(body));
    fold();
  }

  table.querySelectorAll("thead th").forEach((header) => {
    const button = header.querySelector("button");
    if (button) button.addEventListener("click", () => sort(header));
  });
  text.addEventListener("input", filter);
  choice.addEventListener("change", filter);
})();
