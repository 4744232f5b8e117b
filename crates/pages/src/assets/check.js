// The receipt checker's page: reads the files, asks the checker, and shows what it found.
// All of it happens here. The one request is for the checker itself, and a saved page has none.

const form = document.getElementById("check");
const byId = (id) => document.getElementById(id);

const words = Object.fromEntries(
  [...byId("sayings").content.querySelectorAll("[data-name]")].map((one) => [one.dataset.name, one.textContent]),
);

/** The compiled checker, once it was needed. */
let compiled;

function checker() {
  compiled ??= packed().then(async (bytes) => {
    const plain = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    return WebAssembly.compile(await new Response(plain).arrayBuffer());
  });
  compiled.catch(() => (compiled = undefined));
  return compiled;
}

/** The compressed checker: from the saved page itself, or from the service. */
async function packed() {
  const inside = byId("module");
  if (inside) return decoded(inside.content.textContent);
  const answer = await fetch(form.dataset.checker, { credentials: "same-origin" });
  if (!answer.ok) throw new Error(`the checker cannot be fetched: status ${answer.status}`);
  return answer.arrayBuffer();
}

const decoded = (base64) => Uint8Array.from(atob(base64), (sign) => sign.charCodeAt(0));

function element(name, text, className) {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  if (className) made.className = className;
  return made;
}

function show(state, text) {
  byId("verdict").dataset.state = state;
  byId("verdict").textContent = text;
}

const read = async (file) => new Uint8Array(await file.arrayBuffer());

form.addEventListener("submit", (event) => {
  event.preventDefault();
  check().catch((error) => show("incomplete", `${words.unsupported} (${error.message})`));
});

async function check() {
  byId("findings").hidden = true;
  const [receipt, request, response] = ["receipt", "request", "response"].map((id) => byId(id).files[0]);
  if (!receipt) {
    show("incomplete", words["no-receipt"]);
    byId("receipt").focus();
    return;
  }
  show("working", words.working);
  const fields = [["what", "receipt"], ["serviceKey", byId("key").value.trim()], ["receipt", await read(receipt)]];
  for (const [name, file] of [["request", request], ["response", response]]) {
    if (file) fields.push([name, await read(file)], [`${name}Name`, file.name]);
  }
  const log = [...byId("log").files];
  if (log.length > 0) fields.push(["logName", "log"]);
  for (const file of log) {
    // The first part is the name of the chosen folder.
    const path = file.webkitRelativePath.split("/").slice(1).join("/");
    fields.push([`file:${path}`, await read(file)]);
  }
  const answer = ask(await checker(), fields);
  if (answer.report === null) {
    show("incomplete", `${words.unreadable} ${answer.error}: ${answer.help}.`);
    return;
  }
  report(answer, JSON.parse(answer.report));
}

/** The checker's words for who vouches for a claim, and the page's names for them. */
const VOUCHERS = {
  "proved by the log": "proved",
  "checked by you": "reader",
  "the operator's word": "operator",
};

/** The last report, to be saved. */
let last;

function report(answer, data) {
  last = answer.report;
  byId("checks").replaceChildren(
    ...data.checks.map((one) => {
      const line = element("li", undefined, one.result);
      // The options are those of the command.
      const what = one.what.replace(/ with --[a-z-]+ [A-Z]+$/, "");
      line.append(element("span", one.result.replace("_", " "), "mark"), " ", what);
      return line;
    }),
  );
  byId("says").hidden = !data.receipt;
  if (data.receipt) says(data.receipt);
  byId("report").textContent = answer.text;
  byId("findings").hidden = false;
  show(data.verdict, words[data.verdict]);
  byId("verdict").scrollIntoView({ block: "nearest" });
}

function says(receipt) {
  const kept = receipt.key ? `${receipt.retentionDays} d: ${receipt.key}, ${receipt.destroyedBy}` : "–";
  const policies = receipt.policies ? `${receipt.policies}${receipt.policiesProved ? ` (${words.proved})` : ""}` : "–";
  const facts = [
    ["request-id", receipt.request],
    ["time", `${receipt.started} – ${receipt.finished}`],
    ["outcome", `${receipt.outcome} (${receipt.status})`],
    ["model", receipt.model ?? receipt.ran?.model ?? "–"],
    ["place", receipt.regionProcessed],
    ["stored", receipt.regionStored],
    ["kept", kept],
    ["policies", policies],
    ["entry", `${receipt.entry}`],
  ];
  byId("facts").replaceChildren(
    ...facts.map(([name, value]) => {
      const pair = element("div");
      pair.append(element("dt", words[name]), element("dd", value));
      return pair;
    }),
  );
  byId("claims").replaceChildren(
    ...receipt.claims.map(({ claim, rests_on: restsOn }) => {
      const voucher = VOUCHERS[restsOn];
      const line = element("li");
      const label = element("span", words[voucher] ?? restsOn, `voucher ${voucher}`);
      label.lang = document.documentElement.lang;
      line.append(label, " ", claim);
      return line;
    }),
  );
}

byId("save").addEventListener("click", () => {
  const address = URL.createObjectURL(new Blob([last], { type: "application/json" }));
  const link = element("a");
  link.href = address;
  link.download = "receipt-report.json";
  link.click();
  URL.revokeObjectURL(address);
});

byId("key").addEventListener("input", async () => {
  // Browsers have `subtle` on https, on this machine and in saved pages.
  if (!crypto.subtle) return;
  const text = new TextEncoder().encode(byId("key").value.trim());
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", text));
  const hex = [...digest].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  byId("digest").textContent = hex.replace(/(.{4})(?=.)/g, "$1 ");
  byId("changed").hidden = hex === byId("fingerprint").dataset.served;
});

// Dropped files find their fields by their content.
const drop = byId("drop");
for (const kind of ["dragenter", "dragover"]) {
  drop.addEventListener(kind, (event) => {
    event.preventDefault();
    drop.classList.add("over");
  });
}
for (const kind of ["dragleave", "drop"]) drop.addEventListener(kind, () => drop.classList.remove("over"));
drop.addEventListener("drop", async (event) => {
  event.preventDefault();
  for (const file of event.dataTransfer.files) {
    choose(await fieldOf(file), file);
  }
});

function choose(field, file) {
  const chosen = new DataTransfer();
  chosen.items.add(file);
  byId(field).files = chosen.files;
}

// The playground's page has the files of its exchange.
for (const one of document.querySelectorAll("a[data-given]")) {
  choose(one.dataset.given, new File([decoded(one.href.split(",")[1])], one.download));
}

async function fieldOf(file) {
  const bytes = await read(file);
  // A receipt is a COSE_Sign1: tag 18, and a list of four.
  if (bytes[0] === 0xd2 && bytes[1] === 0x84) return "receipt";
  try {
    const body = JSON.parse(decoder.decode(bytes));
    if (["messages", "prompt", "input"].some((name) => name in body) && !("object" in body)) return "request";
  } catch {
    // A stream of events is no JSON, and an answer.
  }
  return "response";
}
