// The reading view of an opened record: it ends by itself, and nothing of it is left in the page.

const view = document.getElementById("reading");
const left = document.getElementById("left");

const clear = () => view.replaceChildren();

const end = () => {
  clear();
  location.replace(view.dataset.back);
};

// Two clocks: one stands still while the machine sleeps, and a person can set the other one back.
const seconds = Number(view.dataset.seconds);
const [steady, wall] = [performance.now(), Date.now()];

const tick = () => {
  const passed = Math.max(performance.now() - steady, Date.now() - wall) / 1000;
  const rest = Math.ceil(seconds - passed);
  if (rest <= 0) {
    end();
    return;
  }
  left.textContent = `${Math.floor(rest / 60)}:${String(rest % 60).padStart(2, "0")}`;
};

if (view) {
  tick();
  setInterval(tick, 1000);
  // A page that the browser keeps for its back button has no content any more.
  addEventListener("pagehide", clear);
  addEventListener("pageshow", (event) => {
    if (event.persisted) end();
  });
  for (const kind of ["copy", "cut", "dragstart", "contextmenu"]) {
    document.addEventListener(kind, (event) => event.preventDefault());
  }
}
