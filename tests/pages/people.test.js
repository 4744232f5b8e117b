// The pages of signed-in people in a real browser: a real identity provider signs them in, each goes the
// way of their work, and sessions and forms are attacked.
//
// BAILIWICK_DESK, BAILIWICK_REVIEW and BAILIWICK_OPERATIONS are the listeners; BAILIWICK_CERTIFICATES the
// folder with the workstations' certificates; BAILIWICK_REQUEST the id of a recorded request of `contoso`,
// whose texts are hostile. With BAILIWICK_SCREENSHOTS, a picture of each page goes to that folder.

import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, test } from "node:test";

import { AxeBuilder } from "@axe-core/playwright";

import { launch } from "./browser.js";

const desk = process.env.BAILIWICK_DESK;
const review = process.env.BAILIWICK_REVIEW;
const operations = process.env.BAILIWICK_OPERATIONS;
const request = process.env.BAILIWICK_REQUEST;
const certificates = process.env.BAILIWICK_CERTIFICATES;
const screenshots = process.env.BAILIWICK_SCREENSHOTS;
const RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
const BYTES_MAX = 150_000;
const WIDTHS = { wide: { width: 1280, height: 900 }, narrow: { width: 390, height: 844 } };

let browser;

before(async () => {
  browser = await launch();
});

after(() => browser?.close());

/** A browser of a person: notes what a page must not do. */
async function visitor({ size = "wide", scheme = "light", locale = "en-GB", seat } = {}) {
  const certificate = seat && {
    origin: review,
    certPath: join(certificates, `${seat}.pem`),
    keyPath: join(certificates, `${seat}-key.pem`),
  };
  const context = await browser.newContext({
    viewport: WIDTHS[size],
    colorScheme: scheme,
    locale,
    ignoreHTTPSErrors: true,
    ...(certificate ? { clientCertificates: [certificate] } : {}),
  });
  context.setDefaultTimeout(10_000);
  const page = await context.newPage();
  const wrong = [];
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) wrong.push(`console: ${message.text()}`);
  });
  page.on("pageerror", (error) => wrong.push(`script: ${error.message}`));
  page.on("dialog", (dialog) => {
    wrong.push(`a dialog: ${dialog.message()}`);
    dialog.dismiss();
  });
  return { context, page, wrong };
}

/** Signs in at the identity provider, and is led back to the page. */
async function signIn({ page, wrong }, name, to, at = desk) {
  await page.goto(at + to);
  assert.match(page.url(), /\/pages\/sign-in\?to=/);
  await page.click("a.button");
  if (page.url().startsWith(at)) assert.fail(await page.textContent("body"));
  await page.waitForSelector("input[name=login]").catch(async () => {
    assert.fail(`${page.url()}: ${await page.textContent("body")}`);
  });
  await page.fill("input[name=login]", name);
  await page.fill("input[name=password]", "any");
  await page.click("button[type=submit]");
  await page.waitForLoadState();
  // The provider asks for consent once.
  if (!page.url().startsWith(at)) await page.click("button[type=submit]");
  await page.waitForURL(at + to);
  // The provider's own pages load fonts from elsewhere.
  wrong.length = 0;
}

async function accessible(page, what) {
  const { violations } = await new AxeBuilder({ page }).withTags(RULES).analyze();
  const found = violations.map((one) => `${one.id}: ${one.help}: ${one.nodes.map((node) => node.target).join("; ")}`);
  assert.deepEqual(found, [], what);
}

/** Looks at one page as a person and as a critic. */
async function look(person, address, name, size) {
  const { page, wrong } = person;
  const sizes = new Map();
  const measure = async (response) => {
    if (!response.url().startsWith(new URL(address).origin)) wrong.push(`a request to ${response.url()}`);
    sizes.set(response.url(), (await response.body().catch(() => Buffer.alloc(0))).length);
  };
  page.on("response", measure);
  const answer = await page.goto(address);
  page.off("response", measure);
  assert.equal(answer.status(), 200, address);
  assert.match(answer.headers()["cache-control"], /no-store/);
  assert.match(answer.headers()["content-security-policy"], /frame-ancestors 'none'/);
  await page.evaluate(() => document.querySelectorAll("details").forEach((one) => (one.open = true)));
  await accessible(page, `${name} ${size}`);
  const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  assert.ok(overflow <= 0, `${name} is ${overflow} px too wide`);
  assert.equal(await page.locator("h1").count(), 1, name);
  assert.doesNotMatch(await page.textContent("main"), /cannot read the API's answer/, name);
  if (screenshots) {
    await page.screenshot({ path: join(screenshots, `${name}-${WIDTHS[size].width}.png`), fullPage: true });
  }
  const total = [...sizes.values()].reduce((sum, bytes) => sum + bytes, 0);
  assert.ok(total < BYTES_MAX, `${name} has ${total} bytes`);
  const paint = await page.evaluate(() => performance.getEntriesByName("first-contentful-paint")[0]?.startTime);
  console.log(`${name} ${size}: ${total} bytes, first paint after ${Math.round(paint ?? 0)} ms`);
  assert.deepEqual(wrong, [], name);
}

const DESK_PAGES = { overview: "/pages" };

for (const [size, scheme, locale] of [
  ["wide", "light", "en-GB"],
  ["narrow", "dark", "de-DE"],
]) {
  test(`an officer's pages: ${size}, ${scheme}, ${locale}`, async () => {
    const person = await visitor({ size, scheme, locale });
    await signIn(person, "officer", "/pages");
    assert.match(await person.page.textContent(".session"), /officer of contoso/);
    for (const [name, path] of Object.entries(DESK_PAGES)) await look(person, desk + path, name, size);
    await person.context.close();
  });
}

test("the administrator signs in with the key, at the operations listener alone", async () => {
  const person = await visitor();
  await person.page.goto(`${operations}/pages`);
  await person.page.fill("input[name=key]", "wrong");
  await person.page.click("button");
  assert.match(await person.page.textContent("[role=alert]"), /not the administrator's key/);
  await person.page.fill("input[name=key]", process.env.BAILIWICK_ADMIN_KEY);
  await person.page.click("button");
  assert.match(await person.page.textContent("main"), /contoso/);
  await person.context.close();
});

test("a person without a role sees the reason, and nothing else", async () => {
  const person = await visitor();
  await signIn(person, "nobody", "/pages");
  const text = await person.page.textContent("main");
  assert.match(text, /you have no role here/);
  assert.doesNotMatch(text, /contoso/);
  await person.context.close();
});

test("a session has a cookie of its own, which no script reads and which ends with it", async () => {
  const person = await visitor();
  const { page, context } = person;
  // Fixation: a cookie from before is not the session's.
  const planted = { name: "bailiwick-desk-session", value: "0".repeat(64), url: desk };
  await context.addCookies([planted]);
  await signIn(person, "officer", "/pages");
  const cookies = await context.cookies(desk);
  const session = cookies.find(({ name }) => name === "bailiwick-desk-session");
  assert.notEqual(session.value, planted.value);
  assert.equal(session.httpOnly, true);
  assert.equal(session.sameSite, "Strict");
  assert.equal(await page.evaluate(() => document.cookie), "");
  assert.ok(!cookies.some(({ name }) => name === "bailiwick-desk-sign-in"), "the flow's cookie is gone");
  await page.click(".session button");
  assert.match(page.url(), /\/pages\/sign-in/);
  // A stolen cookie is worth nothing after the sign-out, and the back button shows nothing.
  await context.addCookies([{ name: session.name, value: session.value, url: desk }]);
  await page.goto(`${desk}/pages`);
  assert.match(page.url(), /ended=1/);
  await page.goBack();
  assert.doesNotMatch(await page.textContent("main"), /contoso/);
  await context.close();
});

test("a form of another website does nothing", async () => {
  const person = await visitor();
  const { page, context } = person;
  await signIn(person, "developer", "/pages");
  const token = await page.inputValue("input[name=csrf]");
  const act = {
    request: "POST /admin/v1/resources/contoso/regenerateKey",
    then: "keys",
    back: "/pages",
    "text:keyName": "Key1",
  };
  const send = (form, headers) => context.request.post(`${desk}/pages/act`, { form, headers, maxRedirects: 0 });
  // Even a browser that sends the cookie along: without the session's token, and with another origin.
  assert.equal((await send(act)).status(), 403);
  assert.equal((await send({ ...act, csrf: "0".repeat(64) })).status(), 403);
  assert.equal((await send({ ...act, csrf: token }, { origin: "https://evil.example" })).status(), 403);
  assert.equal((await send({ ...act, csrf: token }, { "sec-fetch-site": "cross-site" })).status(), 403);
  const elsewhere = { ...act, csrf: token, back: "https://evil.example" };
  assert.equal((await send(elsewhere)).status(), 403);
  assert.equal((await send({ ...act, csrf: token, request: "GET /metrics" })).status(), 403);
  // A page of another website posts it: the cookie stays behind, because it is SameSite=Strict.
  const evil = await context.newPage();
  await evil.goto(operations);
  await evil.setContent(`<form method="post" action="${desk}/pages/act"><input name="csrf" value="${token}"></form>`);
  await evil.evaluate(() => document.forms[0].submit());
  await evil.waitForURL(/\/pages\/sign-in/);
  // With token and origin it works: the keys are shown once.
  const done = await send({ ...act, csrf: token }, { origin: desk });
  assert.equal(done.status(), 200);
  assert.match(await done.text(), /New keys/);
  await context.close();
});

test("no page can be framed", async () => {
  const person = await visitor();
  const { page, context } = person;
  await signIn(person, "officer", "/pages");
  await page.goto("about:blank");
  await page.setContent(`<iframe src="${desk}/pages"></iframe>`);
  const frame = page.frames()[1];
  await frame?.waitForLoadState().catch(() => {});
  assert.ok(!(await frame?.content().catch(() => ""))?.includes("contoso"));
  await context.close();
});

test("a session of the review desk counts at its workstation alone", async () => {
  const person = await visitor({ seat: "desk-1" });
  await signIn(person, "reviewer", "/pages", review);
  const cookies = await person.context.cookies(review);
  const session = cookies.find(({ name }) => name === "__Host-bailiwick-review-session");
  assert.equal(session.secure, true);
  const thief = await visitor({ seat: "desk-2" });
  await thief.context.addCookies(cookies);
  await thief.page.goto(`${review}/pages`);
  assert.match(thief.page.url(), /\/pages\/sign-in/);
  await Promise.all([person.context.close(), thief.context.close()]);
});
