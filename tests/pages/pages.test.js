// The pages in a real browser, as people use them: no error in the console, no request to anywhere
// else, accessible by axe's rules for WCAG 2.2 AA in light and dark, small, in both languages.
//
// BAILIWICK_URL is the service; BAILIWICK_KEY a resource's key, if its pages take one;
// BAILIWICK_EVIDENCE a folder with `receipt`, `request.json`, `response.json` and a copy of the log, `log`. With
// BAILIWICK_SCREENSHOTS, a picture of each page goes to that folder.

import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { pathToFileURL } from "node:url";

import { launch } from "./browser.js";
import { WIDTHS, accessible, inspected, picture, watched } from "./critic.js";

const url = process.env.BAILIWICK_URL;
const key = process.env.BAILIWICK_KEY;
const evidence = process.env.BAILIWICK_EVIDENCE;

let browser;

before(async () => {
  browser = await launch();
});

after(() => browser?.close());

/** Opens a page, and notes what a page must not do. */
async function open(address, { size = "wide", scheme = "light", locale = "en-GB", isOffline = false } = {}) {
  const context = await browser.newContext({
    viewport: WIDTHS[size],
    colorScheme: scheme,
    locale,
    offline: isOffline,
    ...(key ? { httpCredentials: { username: "key", password: key } } : {}),
  });
  const page = await context.newPage();
  const wrong = watched(page);
  const sizes = new Map();
  page.on("request", (request) => {
    const to = request.url();
    if (!to.startsWith(url) && !to.startsWith("data:") && !to.startsWith("file:") && !to.startsWith("blob:")) {
      wrong.push(`a request to ${to}`);
    }
  });
  page.on("response", async (response) => {
    const body = await response.body().catch(() => Buffer.alloc(0));
    sizes.set(response.url(), body.length);
  });
  const answer = await page.goto(address);
  return { page, context, wrong, sizes, answer };
}

const PAGES = {
  promises: "/trust",
  receipt: "/trust/receipt",
  log: "/trust/log",
  entry: "/trust/log/3",
};

for (const [name, path] of Object.entries(PAGES)) {
  for (const [size, scheme, locale] of [
    ["wide", "light", "en-GB"],
    ["narrow", "dark", "de-DE"],
  ]) {
    test(`${name}: ${size}, ${scheme}, ${locale}`, async () => {
      const { page, context, wrong, sizes, answer } = await open(url + path, { size, scheme, locale });
      assert.equal(answer.status(), 200);
      assert.equal(await page.getAttribute("html", "lang"), locale.slice(0, 2));
      await inspected(page, name, size, sizes);
      assert.deepEqual(wrong, []);
      await context.close();
    });
  }
}

test("a keyboard reaches the content, the navigation and each promise", async () => {
  const { page, context } = await open(`${url}/trust`);
  await page.keyboard.press("Tab");
  assert.equal(await page.evaluate(() => document.activeElement.className), "skip");
  await page.keyboard.press("Enter");
  assert.equal(await page.evaluate(() => document.activeElement.id), "main");
  await page.keyboard.press("Tab");
  assert.equal(await page.evaluate(() => document.activeElement.localName), "summary");
  await page.keyboard.press("Enter");
  assert.ok(await page.evaluate(() => document.querySelector(".promise").open));
  await context.close();
});

test("the language stays while one moves on", async () => {
  const { page, context } = await open(`${url}/trust`);
  await page.click("text=Deutsch");
  assert.equal(await page.getAttribute("html", "lang"), "de");
  await page.click("text=Beleg prüfen");
  assert.equal(await page.getAttribute("html", "lang"), "de");
  assert.match(await page.textContent("h1"), /Beleg prüfen/);
  await context.close();
});

async function check(page, files) {
  for (const [field, file] of Object.entries(files)) await page.setInputFiles(`#${field}`, file);
  await page.click("button[type=submit]");
  await page.waitForSelector("#verdict[data-state]:not([data-state=working])");
  return page.getAttribute("#verdict", "data-state");
}

const files = () => ({
  receipt: join(evidence, "receipt"),
  request: join(evidence, "request.json"),
  response: join(evidence, "response.json"),
});

test("a copy of the log is replayed in the browser", async () => {
  const { page, context, wrong } = await open(`${url}/trust/receipt`);
  assert.equal(await check(page, { ...files(), log: join(evidence, "log") }), "verified");
  const checks = await page.textContent("#checks");
  assert.match(checks, /every entry is one that the checkpoint signs/);
  assert.doesNotMatch(checks, / --/);
  assert.deepEqual(wrong, []);
  await context.close();
});

for (const [size, scheme] of [["wide", "light"], ["narrow", "dark"]]) {
  test(`a receipt is checked in the browser: ${size}`, async () => {
    const { page, context, wrong } = await open(`${url}/trust/receipt`, { size, scheme });
    const asked = [];
    page.on("request", (request) => asked.push(`${request.method()} ${request.url()}`));
    assert.equal(await check(page, files()), "verified");
    assert.match(await page.textContent("#checks"), /is the request's body/);
    assert.match(await page.textContent("#facts"), /req_[0-9a-f]{32}/);
    // The checker was fetched, and nothing was sent.
    assert.ok(asked.every((one) => one.startsWith("GET ") && one.endsWith(".wasm.gz")), asked.join());
    await accessible(page, "a checked receipt");
    await picture(page, "receipt-verified", size);
    assert.deepEqual(wrong, []);
    await context.close();
  });
}

test("a changed answer, a changed receipt and another key are found out", async () => {
  const { page, context, wrong } = await open(`${url}/trust/receipt`);
  const folder = mkdtempSync(join(tmpdir(), "pages-"));
  const changed = (name) => {
    const bytes = readFileSync(join(evidence, name));
    bytes[bytes.length >> 1] ^= 1;
    const path = join(folder, name);
    writeFileSync(path, bytes);
    return path;
  };
  assert.equal(await check(page, { ...files(), response: changed("response.json") }), "failed");
  await accessible(page, "a failed check");
  await picture(page, "receipt-failed", "wide");
  await page.reload();
  assert.notEqual(await check(page, { ...files(), receipt: changed("receipt") }), "verified");
  await page.reload();
  await page.fill("#key", "other.example+01020304+AQID");
  assert.ok(await page.isVisible("#changed"));
  assert.notEqual(await check(page, files()), "verified");
  await page.reload();
  await page.click("button[type=submit]");
  assert.match(await page.textContent("#verdict"), /Choose a receipt/);
  assert.deepEqual(wrong, []);
  await context.close();
});

test("dropped files find their fields", async () => {
  const { page, context } = await open(`${url}/trust/receipt`);
  const dropped = Object.values(files()).map((path) => [path.split("/").pop(), readFileSync(path).toString("base64")]);
  await page.evaluate((dropped) => {
    const data = new DataTransfer();
    for (const [name, base64] of dropped) {
      const bytes = Uint8Array.from(atob(base64), (sign) => sign.charCodeAt(0));
      data.items.add(new File([bytes], name));
    }
    document.getElementById("drop").dispatchEvent(new DragEvent("drop", { dataTransfer: data, cancelable: true }));
  }, dropped);
  await page.waitForFunction(() => ["receipt", "request", "response"].every((id) => document.getElementById(id).files[0]));
  const names = await page.evaluate(() =>
    ["receipt", "request", "response"].map((id) => document.getElementById(id).files[0].name),
  );
  assert.deepEqual(names, ["receipt", "request.json", "response.json"]);
  assert.equal(await check(page, {}), "verified");
  await context.close();
});

test("the saved page checks from the disk, without a network", async () => {
  const { page, context } = await open(`${url}/trust/receipt`);
  const [download] = await Promise.all([page.waitForEvent("download"), page.click("a.button")]);
  const path = join(mkdtempSync(join(tmpdir(), "pages-")), "checker.html");
  await download.saveAs(path);
  await context.close();
  const saved = await open(pathToFileURL(path).href, { isOffline: true });
  assert.equal(await check(saved.page, files()), "verified");
  await accessible(saved.page, "the saved page");
  assert.deepEqual(saved.wrong, []);
  assert.deepEqual([...saved.sizes.keys()].filter((from) => !from.startsWith("file:")), []);
  await saved.context.close();
});

test("the log is filtered, and an earlier checkpoint is compared", async () => {
  const { page, context, wrong } = await open(`${url}/trust/log`);
  await page.selectOption("#kind", "start");
  await page.click(".filters button");
  assert.match(page.url(), /kind=start/);
  const texts = await page.locator("tbody tr").allTextContents();
  assert.ok(texts.some((text) => text.includes("The service started")), texts.join());
  await page.click("summary:has-text('signed checkpoint')");
  const checkpoint = await page.textContent("section[aria-labelledby=head] pre");
  await page.fill("#older", checkpoint);
  await page.click("section[aria-labelledby=consistency] button");
  assert.equal(await page.getAttribute("section[aria-labelledby=consistency] .verdict", "data-state"), "verified");
  await page.fill("#older", checkpoint.replace(/\n[0-9]+\n/, "\n1\n"));
  await page.click("section[aria-labelledby=consistency] button");
  assert.equal(await page.getAttribute("section[aria-labelledby=consistency] .verdict", "data-state"), "incomplete");
  await accessible(page, "a compared checkpoint");
  assert.deepEqual(wrong, []);
  await context.close();
});

test("no page can be framed", async () => {
  const context = await browser.newContext(key ? { httpCredentials: { username: "key", password: key } } : {});
  const page = await context.newPage();
  await page.goto("about:blank");
  await page.setContent(`<iframe src="${url}/trust"></iframe>`);
  await page.waitForTimeout(0);
  const frame = page.frames()[1];
  await frame?.waitForLoadState().catch(() => {});
  assert.ok(!(await frame?.content().catch(() => ""))?.includes("promises"));
  await context.close();
});
