// Asks for the next unit, shows it, sends the answer. All text is set as text, none as markup.
"use strict";
const part = (id) => document.getElementById(id);
const [movie, picture, box] = ["movie", "picture", "box"].map(part);
const FPS = 25;
let annotator = localStorage.getItem("nonverbal-judge") || "";
let unit = null, place = 0, busy = false;

async function call(path, body) {
  if (busy) return;
  busy = true;
  const said = { annotator, question: part("question").value, ...body };
  try {
    const answer = body
      ? await fetch(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(said) })
      : await fetch(`${path}?${new URLSearchParams(said)}`);
    if (!answer.ok) throw new Error(await answer.text());
    show(await answer.json());
  } catch (error) {
    tell(error instanceof TypeError ? "The server does not answer; nothing was kept. Start it again, then press the key again." : error.message);
  } finally {
    busy = false;
  }
}

function tell(text) { part("message").textContent = text; }

function show(state) {
  tell("");
  part("skip").hidden = true;
  choices(state.questions);
  const asked = state.questions.filter((one) => !part("question").value || one.question === part("question").value);
  const total = (name) => asked.reduce((sum, one) => sum + one[name], 0);
  part("progress").max = Math.max(total("units") - total("gone"), 1);
  part("progress").value = total("judged");
  const gone = total("gone") ? `, ${total("gone")} can't be shown: their media are gone` : "";
  part("count").textContent = `${total("judged")} of ${total("units")}${gone}`;
  part("undo").disabled = !state.undo;
  part("who").textContent = annotator;
  unit = state.unit;
  part("task").hidden = !unit;
  movie.pause();
  if (!unit) { movie.removeAttribute("src"); movie.load(); tell("Nothing is left to judge here. Thank you!"); return; }
  part("ask").textContent = unit.ask;
  part("text").textContent = unit.text;
  part("text").hidden = !unit.text;
  part("stage").hidden = unit.unit !== "video" && !unit.spans.length;
  load(0);
}

function choices(questions) {
  const list = part("question"), chosen = list.value;
  list.replaceChildren(new Option("all, one after another", ""), ...questions.map(
    (one) => new Option(`${one.ask} (${one.judged}/${one.units})`, one.question)));
  list.value = chosen;
}

function load(which) {
  place = which;
  const still = unit.unit === "video" || unit.unit === "frame", address = `/media/${unit.key}/${which}`;
  movie.hidden = still;
  picture.hidden = !still;
  part("near").hidden = true;
  part("parts").textContent = unit.spans.length > 1 ? `part ${which + 1} of ${unit.spans.length}` : "";
  box.getContext("2d").clearRect(0, 0, box.width, box.height);
  if (part("stage").hidden) return;
  if (still) { picture.src = address; return; }
  movie.src = address;
  movie.play().catch(() => {}); // a browser may wait for a key
}

function frame() {
  // The box of the frame that is shown; an excerpt's first picture is the frame at its span's start.
  if (!unit || !unit.boxes.length) return;
  const still = !picture.hidden, seen = still ? picture : movie;
  const now = still ? unit.boxes[0].frame : Math.floor((unit.spans[place].start_s + movie.currentTime) * FPS + 0.01);
  const found = unit.boxes.find((one) => one.frame === now);
  const width = seen.clientWidth, height = seen.clientHeight, context = box.getContext("2d");
  if (box.width !== width || box.height !== height) { box.width = width; box.height = height; }
  context.clearRect(0, 0, width, height);
  if (!found || !width) return;
  const sides = [found.x0 * width, found.y0 * height, (found.x1 - found.x0) * width, (found.y1 - found.y0) * height];
  for (const [colour, thick] of [["#000", 5], ["#ffd400", 2.5]]) {
    context.lineWidth = thick;
    context.strokeStyle = colour;
    context.strokeRect(...sides);
  }
}

function near() {
  // A boxed face from near by, with as much again around it.
  part("near").hidden = !(unit && unit.unit === "frame" && unit.boxes.length);
  if (part("near").hidden) return;
  const { x0, y0, x1, y1 } = unit.boxes[0], width = picture.naturalWidth, height = picture.naturalHeight;
  const side = 2 * Math.max((x1 - x0) * width, (y1 - y0) * height), canvas = part("near");
  const corner = [(x0 + x1) / 2 * width - side / 2, (y0 + y1) / 2 * height - side / 2];
  const context = canvas.getContext("2d");
  context.clearRect(0, 0, canvas.width, canvas.height);
  context.drawImage(picture, ...corner, side, side, 0, 0, canvas.width, canvas.height);
}

function judge(verdict) { if (unit) call("/api/judge", { key: unit.key, verdict }); }
function undo() { if (!part("undo").disabled) call("/api/undo", {}); }
function step(by) {
  if (unit && place + by >= 0 && place + by < unit.spans.length) load(place + by);
}

function begin() {
  part("enter").hidden = !!annotator;
  document.body.classList.toggle("nameless", !annotator);
  if (annotator) call("/api/state"); else part("name").focus();
}

for (const button of document.querySelectorAll("[data-verdict]")) button.addEventListener("click", () => judge(button.dataset.verdict));
part("undo").addEventListener("click", undo);
part("skip").addEventListener("click", () => call("/api/state"));
part("question").addEventListener("change", () => { part("question").blur(); call("/api/state"); });
part("enter").addEventListener("submit", (event) => {
  event.preventDefault();
  annotator = part("name").value.trim();
  localStorage.setItem("nonverbal-judge", annotator);
  begin();
});
part("who").addEventListener("click", () => { annotator = ""; part("task").hidden = true; begin(); });
picture.addEventListener("load", near);
movie.addEventListener("ended", () => step(1));
for (const seen of [movie, picture]) seen.addEventListener("error", () => {
  if (!unit || !seen.getAttribute("src")) return;
  tell("This can't be shown: its media are gone, or can't be decoded.");
  part("task").hidden = true;
  part("skip").hidden = false;
  part("skip").focus();
});
const KEYS = {
  y: () => judge("yes"), n: () => judge("no"), u: () => judge("unsure"), z: undo, Backspace: undo,
  r: () => { movie.currentTime = 0; movie.play(); }, " ": () => (movie.paused ? movie.play() : movie.pause()),
  ArrowLeft: () => step(-1), ArrowRight: () => step(1),
};
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.repeat || ["INPUT", "SELECT"].includes(event.target.tagName)) return;
  const pressed = KEYS[event.key.length === 1 ? event.key.toLowerCase() : event.key];
  if (!pressed || part("task").hidden && !["z", "Backspace"].includes(event.key) || event.key === " " && event.target.tagName === "BUTTON") return;
  event.preventDefault();
  pressed();
});
(function each() { frame(); requestAnimationFrame(each); })();
begin();
