"use strict";
// The page works on what stands in it. What is chosen here stays in this browser, and in the list that is taken from it.

const one = (id) => document.getElementById(id);
const cards = [...document.querySelectorAll(".card")];
const facts = new Map(cards.map((card) => [card, JSON.parse(card.dataset.photo)]));
const words = new Map(cards.map((card) => [card, `${card.textContent} ${facts.get(card).file}`.toLowerCase()]));
const key = `artui sheet ${document.body.dataset.sheet}`;
const viewer = one("viewer"), list = one("list"), slider = one("slider"), reason = one("reason"), search = one("search");
const chips = [...document.querySelectorAll(".chips button")];

let chosen = new Map(); // job → reason, in the order of rejecting
let current = null;
let shown = cards;

try {
  chosen = new Map(JSON.parse(localStorage.getItem(key) ?? "[]"));
} catch {
  // A browser that keeps nothing: the list lasts as long as the page is open.
}

function keep() {
  try {
    localStorage.setItem(key, JSON.stringify([...chosen]));
  } catch {
    // as above
  }
}

// ------------------------------------------------------------------------------------------------- which are shown

function filter() {
  const wanted = search.value.toLowerCase().split(/\s+/).filter(Boolean);
  const show = chips.find((chip) => chip.getAttribute("aria-pressed") === "true").dataset.show;
  shown = cards.filter((card) => {
    const isOne = !show || card.dataset.group === show || card.dataset.verdict === show
      || (show === "chosen" && chosen.has(facts.get(card).job));
    return isOne && wanted.every((word) => words.get(card).includes(word));
  });
  const those = new Set(shown);
  for (const card of cards) card.hidden = !those.has(card);
  one("nothing").hidden = shown.length > 0;
  tell();
}

function tell(text = "") {
  one("told").textContent = text || (shown.length === cards.length ? "" : `${shown.length.toLocaleString("en")} shown`);
}

search.addEventListener("input", filter);
for (const chip of chips) {
  chip.addEventListener("click", () => {
    for (const other of chips) other.setAttribute("aria-pressed", String(other === chip));
    filter();
  });
}

// ------------------------------------------------------------------------------------------------------ comparing

function divide(stage, percent) {
  stage.style.setProperty("--x", `${percent}%`);
}

function makeCurrent(card, { focus = true } = {}) {
  current?.classList.remove("is-current");
  tell();
  current = card;
  card.classList.add("is-current");
  if (viewer.open) fill();
  else if (focus) card.querySelector(".stage").focus();
  card.scrollIntoView({ block: "nearest", behavior: "instant" });
}

function step(by) {
  if (!shown.length) return;
  const place = shown.indexOf(current);
  const next = place < 0 ? 0 : Math.min(shown.length - 1, Math.max(0, place + by));
  makeCurrent(shown[next]);
}

function fill() {
  const card = current, { job } = facts.get(card);
  const layers = viewer.querySelectorAll(".layer");
  [".before", ".after"].forEach((side, place) => {
    const copy = card.querySelector(side).cloneNode(true);
    copy.loading = "eager";
    layers[place].replaceChildren(copy);
  });
  viewer.querySelector(".large").classList.toggle("alone", card.querySelector(".stage").classList.contains("alone"));
  divide(viewer.querySelector(".large"), slider.value);
  one("viewer-name").textContent = card.querySelector("h2").textContent;
  one("viewer-state").textContent = [...card.querySelectorAll("p:not(.mine)")].map((line) => line.textContent)
    .filter(Boolean).join(" · ");
  const place = shown.indexOf(card);
  one("previous").disabled = place <= 0;
  one("next").disabled = place >= shown.length - 1;
  one("reject").setAttribute("aria-pressed", String(chosen.has(job)));
  one("reject").textContent = chosen.has(job) ? "Rejected" : "Reject";
  one("reject").disabled = !facts.get(card).can;
  reason.parentElement.hidden = !chosen.has(job);
  reason.value = chosen.get(job) ?? "";
}

function open(card) {
  slider.value = 50;
  makeCurrent(card, { focus: false });
  if (!viewer.open) viewer.showModal();
  fill();
  slider.blur(); // the arrows lead from photo to photo until somebody takes the slider
}

for (const card of cards) {
  const stage = card.querySelector(".stage");
  stage.addEventListener("click", () => open(card));
  card.querySelector(".quick")?.addEventListener("click", () => { makeCurrent(card); reject(card); });
  stage.addEventListener("focus", () => { if (current !== card && !viewer.open) makeCurrent(card, { focus: false }); });
}
one("photos").addEventListener("pointermove", (event) => {
  const stage = event.pointerType === "mouse" && event.target.closest("button.stage");
  if (!stage) return;
  const { left, width } = stage.getBoundingClientRect();
  divide(stage, Math.min(100, Math.max(0, ((event.clientX - left) / width) * 100)));
});
one("photos").addEventListener("pointerout", (event) => {
  const stage = event.target.closest("button.stage");
  if (stage && !stage.contains(event.relatedTarget)) divide(stage, 50);
});
slider.addEventListener("input", () => divide(slider.parentElement, slider.value));
one("previous").addEventListener("click", () => step(-1));
one("next").addEventListener("click", () => step(1));
one("close").addEventListener("click", () => viewer.close());
viewer.addEventListener("close", () => current?.querySelector(".stage").focus());

// ------------------------------------------------------------------------------------------------------ rejecting

function reject(card) {
  const { job, can } = facts.get(card);
  if (!can) {
    tell("This photo has no result that can be rejected.");
    return;
  }
  if (!chosen.delete(job)) chosen.set(job, "");
  mark(card);
  changed();
}

function mark(card) {
  const { job } = facts.get(card);
  const mine = card.querySelector(".mine"), why = chosen.get(job);
  mine.hidden = why === undefined;
  mine.textContent = why ? `to be rejected: ${why}` : "to be rejected";
  card.classList.toggle("is-mine", why !== undefined);
  const quick = card.querySelector(".quick");
  if (quick) quick.textContent = why === undefined ? "Reject" : "Take back";
  if (viewer.open && card === current) fill();
}

function changed() {
  keep();
  const number = chosen.size;
  document.querySelector(".list-bar").hidden = !number;
  one("chosen").textContent = number === 1 ? "1 photo to be rejected" : `${number.toLocaleString("en")} photos to be rejected`;
  const chip = chips.find((other) => other.dataset.show === "chosen");
  chip.querySelector("span").textContent = number.toLocaleString("en");
  if (chip.getAttribute("aria-pressed") === "true") filter();
}

function field(text) {
  return /[",\r\n]|^\s|\s$/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

function lines() {
  const byJob = new Map(cards.map((card) => [facts.get(card).job, facts.get(card)]));
  const rows = [...chosen].filter(([job]) => byJob.has(job)).map(([job, why]) => [String(job), byJob.get(job).file, why]);
  return [["job", "file", "reason"], ...rows].map((row) => row.map(field).join(",")).join("\n") + "\n";
}

one("reject").addEventListener("click", () => reject(current));
reason.addEventListener("input", () => {
  const { job } = facts.get(current);
  if (!chosen.has(job)) return;
  chosen.set(job, reason.value.trim());
  current.querySelector(".mine").textContent = reason.value.trim() ? `to be rejected: ${reason.value.trim()}` : "to be rejected";
  keep();
});
one("show-list").addEventListener("click", () => {
  one("lines").value = lines();
  one("list-told").textContent = "";
  list.showModal();
});
one("copy").addEventListener("click", async () => {
  one("lines").select();
  try {
    await navigator.clipboard.writeText(one("lines").value);
  } catch {
    document.execCommand("copy"); // where a page from a file gets no clipboard
  }
  one("list-told").textContent = "Copied.";
});
one("download").addEventListener("click", () => {
  const address = URL.createObjectURL(new Blob([lines()], { type: "text/csv" }));
  Object.assign(document.createElement("a"), { href: address, download: "rejected.csv" }).click();
  setTimeout(() => URL.revokeObjectURL(address), 1000);
  one("list-told").textContent = "Saved as rejected.csv, where your browser puts what it downloads.";
});
one("clear").addEventListener("click", () => {
  chosen.clear();
  for (const card of cards) mark(card);
  changed();
  list.close();
});
one("close-list").addEventListener("click", () => list.close());

// ----------------------------------------------------------------------------------------------------------- keys

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || list.open) return;
  if (event.target.matches("textarea, input:not([type=range])")) {
    if (event.key === "Enter") event.target.blur();
    if (event.key === "Enter" && event.target === search && shown.length) makeCurrent(shown[0]);
    return;
  }
  const onSlider = event.target === slider;
  if (event.key === "ArrowLeft" && !onSlider) step(-1);
  else if (event.key === "ArrowRight" && !onSlider) step(1);
  else if (event.key === "r" && current) reject(current);
  else if (event.key === "/" && !viewer.open) search.focus();
  else return;
  event.preventDefault();
});

document.querySelector(".bar").hidden = false;
for (const card of cards) if (chosen.has(facts.get(card).job)) mark(card);
changed();
