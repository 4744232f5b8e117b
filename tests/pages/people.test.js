// The pages of signed-in people in a real browser: a real identity provider signs them in, each goes the
// way of their work, and sessions and forms are attacked.
//
// BAILIWICK_DESK, BAILIWICK_REVIEW and BAILIWICK_OPERATIONS are the listeners; BAILIWICK_CERTIFICATES the
// folder with the workstations' certificates; BAILIWICK_REQUEST the id of a recorded request of `contoso`,
// whose texts are hostile. With BAILIWICK_SCREENSHOTS, a picture of each page goes to that folder.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";

import { launch } from "./browser.js";
import { WIDTHS, accessible, inspected, picture, watched } from "./critic.js";

const desk = process.env.BAILIWICK_DESK;
const review = process.env.BAILIWICK_REVIEW;
const operations = process.env.BAILIWICK_OPERATIONS;
const request = process.env.BAILIWICK_REQUEST;
const certificates = process.env.BAILIWICK_CERTIFICATES;

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
    // A colour on its way to another one has no contrast to measure.
    reducedMotion: "reduce",
    ignoreHTTPSErrors: true,
    ...(certificate ? { clientCertificates: [certificate] } : {}),
  });
  context.setDefaultTimeout(10_000);
  const page = await context.newPage();
  const wrong = watched(page);
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
  assert.equal(await page.locator("h1").count(), 1, name);
  assert.doesNotMatch(await page.textContent("main"), /cannot read the API's answer|answer cannot be read/, name);
  await inspected(page, name, size, sizes);
  assert.deepEqual(wrong, [], name);
}

const OWNER = {
  overview: "/pages",
  data: "/pages/data/contoso",
  records: "/pages/data/contoso/records",
  record: `/pages/data/contoso/records/${request}`,
  state: "/pages/data/contoso/state",
  looks: "/pages/data/contoso/looks",
  "zero-retention": "/pages/data/contoso/zero-retention",
  "content-filter": "/pages/data/contoso/content-filter",
  penalty: "/pages/data/contoso/penalty",
  processors: "/pages/data/contoso/processors",
  subjects: "/pages/subjects",
  keys: "/pages/keys",
};
const DEVELOPER = {
  build: "/pages/build/contoso",
  explain: "/pages/explain/contoso",
  compare: "/pages/compare",
};
const OPERATOR = {
  console: "/pages/console",
  tenants: "/pages/console/tenants",
  tenant: "/pages/console/tenants/contoso",
  resource: "/pages/console/resources/contoso",
  models: "/pages/console/models",
  engines: "/pages/console/engines",
  people: "/pages/console/people",
  usage: "/pages/console/usage",
  applications: "/pages/applications",
};
const REVIEW = { queue: "/pages", case: `/pages/case/${request}`, penalties: "/pages/penalties" };

const LOOKS = [
  ["wide", "light", "en-GB"],
  ["narrow", "dark", "de-DE"],
];

for (const [name, pages, at, seat] of [
  ["officer", OWNER, desk],
  ["developer", DEVELOPER, desk],
  ["operator", OPERATOR, desk],
  ["reviewer", REVIEW, review, "desk-1"],
]) {
  for (const [size, scheme, locale] of LOOKS) {
    test(`the pages of the ${name}: ${size}, ${scheme}, ${locale}`, async () => {
      const person = await visitor({ size, scheme, locale, seat });
      await signIn(person, name, "/pages", at);
      assert.match(await person.page.textContent(".session"), new RegExp(`${name} of`));
      for (const [page, path] of Object.entries(pages)) await look(person, at + path, page, size);
      await person.context.close();
    });
  }
}

test("a page's JSON has the answers of the API", async () => {
  const person = await visitor();
  await signIn(person, "officer", "/pages");
  const answer = await person.context.request.get(`${desk}/pages/data/contoso/records?format=json`);
  const answers = await answer.json();
  const list = Object.entries(answers).find(([address]) => address.startsWith("/desk/v1/resources/contoso/records"));
  assert.ok(JSON.stringify(list).includes(request), JSON.stringify(answers));
  await person.context.close();
});

test("another tenant's pages show nothing", async () => {
  const person = await visitor();
  await signIn(person, "foreigner", "/pages");
  const own = [...Object.values(OWNER).slice(1, 10), ...Object.values(DEVELOPER).slice(0, 2)];
  for (const path of own.filter((path) => !path.includes(request))) {
    await person.page.goto(desk + path);
    const text = await person.page.textContent("main");
    assert.match(text, /not found|no .*role|not visible|refused/i, path);
    assert.doesNotMatch(text, new RegExp(request.slice(4)), path);
  }
  await person.context.close();
});

/** Sends the form with this button. */
async function send(page, button, fields = {}) {
  const form = page.locator("form.act", { has: page.getByRole("button", { name: button, exact: true, includeHidden: true }) });
  await page.evaluate(() => document.querySelectorAll("details").forEach((one) => (one.open = true)));
  for (const [name, value] of Object.entries(fields)) {
    const field = form.locator(`[name="${name}"]`);
    if ((await field.evaluate((one) => one.localName)) === "select") await field.selectOption(value);
    else await field.fill(value);
  }
  await moves(page, () => form.getByRole("button", { name: button, exact: true }).click());
}

/** Does something that leads to another page, and waits for that page. */
async function moves(page, act) {
  const moved = page.waitForEvent("framenavigated");
  await act();
  await moved;
  await page.waitForLoadState();
}

test("a record is reviewed: asked for, approved, read once, judged", async () => {
  const [reviewer, manager] = [await visitor({ seat: "desk-1" }), await visitor({ seat: "desk-1" })];
  await signIn(reviewer, "reviewer", "/pages", review);
  await signIn(manager, "manager", "/pages", review);
  const address = `${review}/pages/case/${request}`;
  await reviewer.page.goto(address);
  await send(reviewer.page, "Flag a record", { "text:category": "violence" });
  // The navigation counts what waits.
  await reviewer.page.goto(`${review}/pages`);
  assert.equal(await reviewer.page.textContent(".top .badge"), "1 waiting");
  await reviewer.page.goto(address);
  await send(reviewer.page, "Request access", { "text:reason": "<script>alert(1)</script>" });
  // The manager sees who asks, and why.
  await manager.page.goto(address);
  const asked = await manager.page.textContent("main");
  assert.match(asked, /reviewer of ops/);
  assert.ok(asked.includes("<script>alert(1)</script>"));
  await send(manager.page, "Approve", { "number:minutes": "5" });
  await reviewer.page.goto(address);
  await send(reviewer.page, "Open the record once");
  const reading = await reviewer.page.textContent("#reading");
  assert.ok(reading.includes("<script>alert(1)</script>"), reading);
  assert.match(await reviewer.page.getAttribute(".marks span", "data-mark"), /reviewer of ops · 20/);
  assert.match(await reviewer.page.textContent("#left"), /^1[45]:/);
  await accessible(reviewer.page, "the reading view");
  await picture(reviewer.page, "reading", "wide");
  // Nothing is copied, and the back button shows nothing of it.
  await reviewer.page.evaluate(() => {
    const range = document.createRange();
    range.selectNodeContents(document.getElementById("reading"));
    getSelection().addRange(range);
  });
  const copied = await reviewer.page.evaluate(() => document.dispatchEvent(new ClipboardEvent("copy", { cancelable: true })));
  assert.equal(copied, false);
  await reviewer.page.goto(address);
  await reviewer.page.goBack().catch(() => {});
  await reviewer.page.waitForFunction(() => document.readyState === "complete" && !document.getElementById("reading"));
  await reviewer.page.goto(address);
  await send(reviewer.page, "Decide", { "text:outcome": "dismissed", "text:reason": "harmless" });
  await reviewer.page.goto(`${review}/pages`);
  assert.ok(!(await reviewer.page.textContent("main")).includes(request));
  assert.equal(await reviewer.page.locator(".badge").count(), 0);
  assert.deepEqual([...reviewer.wrong, ...manager.wrong], []);
  await Promise.all([reviewer.context.close(), manager.context.close()]);
});

test("the customer sees the look at the record", async () => {
  const person = await visitor();
  await signIn(person, "officer", "/pages/data/contoso/looks");
  const text = await person.page.textContent("main");
  assert.ok(text.includes(request) && text.includes("<script>alert(1)</script>"), text);
  await person.context.close();
});

test("an officer makes a root and a key of passkeys, reads with a signature, and erases a person", async () => {
  const person = await visitor();
  const { page, context, wrong } = person;
  const devtools = await context.newCDPSession(page);
  await devtools.send("WebAuthn.enable");
  const options = {
    protocol: "ctap2",
    transport: "internal",
    hasResidentKey: true,
    hasUserVerification: true,
    isUserVerified: true,
  };
  const root = await devtools.send("WebAuthn.addVirtualAuthenticator", { options });
  await signIn(person, "officer", "/pages/keys");
  await send(page, "Make a passkey the root");
  await page.waitForSelector("#sign");
  assert.match(await page.textContent("main"), /root/);
  await accessible(page, "a statement to sign");
  await picture(page, "sign", "wide");
  await page.click("#sign > button");
  await page.waitForURL(`${desk}/pages/keys`);
  // The officer's own passkey is in another authenticator.
  const credentials = (id) => devtools.send("WebAuthn.getCredentials", { authenticatorId: id });
  const kept = (await credentials(root.authenticatorId)).credentials[0];
  const second = await devtools.send("WebAuthn.addVirtualAuthenticator", { options: { ...options, transport: "usb" } });
  await devtools.send("WebAuthn.removeVirtualAuthenticator", root);
  await send(page, "Enrol a new passkey for yourself", { "list:capacities": "officer", "number:days": "30" });
  await page.waitForSelector("#sign");
  // First the new passkey, which proves that its person has it; then the root.
  await page.evaluate(() => document.querySelectorAll("details").forEach((one) => (one.open = true)));
  await page.click("#sign button[value=more]");
  await page.waitForFunction(() => document.getElementById("sign-count").textContent === "1");
  const own = (await credentials(second.authenticatorId)).credentials[0];
  await devtools.send("WebAuthn.removeCredential", { ...second, credentialId: own.credentialId });
  await devtools.send("WebAuthn.addCredential", { ...second, credential: kept });
  await page.click("#sign > button");
  await page.waitForURL(`${desk}/pages/keys`);
  assert.match(await page.textContent("main"), /officer: consents/);
  await devtools.send("WebAuthn.removeCredential", { ...second, credentialId: kept.credentialId });
  await devtools.send("WebAuthn.addCredential", { ...second, credential: own });

  // Reading needs the signature now.
  await page.goto(`${desk}/pages/data/contoso/records/${request}`);
  await send(page, "Read the record");
  await page.waitForSelector("#sign");
  assert.ok((await page.textContent("main")).includes(request));
  await page.click("#sign > button");
  await page.waitForSelector("#reading");
  assert.ok((await page.textContent("#reading")).includes("<script>alert(1)</script>"));

  // A person in the data is found and erased: each statement is shown and signed.
  const begun = Date.now();
  const signed = async (until) => {
    for (let statements = 0; statements < 3 && (await page.locator("#sign").count()); statements += 1) {
      await moves(page, () => page.click("#sign > button"));
    }
    await page.waitForSelector(until);
  };
  await page.goto(`${desk}/pages/subjects`);
  await send(page, "Find a person", { "text:subject": "<img src=x onerror=alert(1)>" });
  await signed(".verdict");
  assert.match(await page.textContent(".verdict"), /stored under this name: 1\./);
  await accessible(page, "a found person");
  await picture(page, "found", "wide");
  await page.check("form.act:has(input[value='POST /desk/v1/subjects/erase']) input[required]");
  await send(page, "Erase everything");
  await signed("main dl, main table");
  assert.match(await page.textContent("h1"), /Erased/);
  console.log(`an officer erased a person in ${Date.now() - begun} ms`);
  await page.goto(`${desk}/pages/data/contoso/records`);
  assert.ok(!(await page.textContent("main")).includes(request));
  assert.deepEqual(wrong, []);
  await context.close();
});

/** Asks a question at the playground. */
async function ask(page, message) {
  await page.fill("textarea[name=message]", message);
  await page.fill("input[name=tokens]", "4");
  await moves(page, () => page.getByRole("button", { name: "Ask", exact: true }).click());
}

test("a developer asks at the playground, and checks the receipt there", async () => {
  const person = await visitor();
  const { page, wrong } = person;
  await signIn(person, "developer", "/pages/build/contoso");
  await ask(page, "<img src=x onerror=alert(1)> Say hello.");
  assert.ok((await page.textContent(".turn.user")).includes("<img src=x onerror=alert(1)> Say hello."));
  assert.equal(await page.locator(".turn.assistant").count(), 1);
  await page.getByRole("button", { name: "Check", exact: true }).click();
  await page.waitForSelector("#verdict[data-state]:not([data-state=working])");
  const checks = await page.textContent("#checks");
  assert.equal(await page.getAttribute("#verdict", "data-state"), "verified", checks);
  assert.match(checks, /is the request's body/);
  await accessible(page, "the playground");
  await picture(page, "playground", "wide");
  // The files can be saved: the request is the one that was checked.
  const [saved] = await Promise.all([page.waitForEvent("download"), page.click("a[data-given=request]")]);
  assert.equal(saved.suggestedFilename(), "request.json");
  const body = JSON.parse(readFileSync(await saved.path(), "utf8"));
  assert.equal(body.max_completion_tokens, 4);
  assert.deepEqual(wrong, []);
  await person.context.close();
});

test("the playground calls nothing that the person may not call", async () => {
  const person = await visitor();
  const { page } = person;
  await signIn(person, "developer", "/pages/build/contoso");
  const with_ = (field, value) =>
    page.evaluate(([field, value]) => {
      document.querySelector(`form[action="/pages/playground"] [name=${field}]`).value = value;
    }, [field, value]);
  // Another tenant's resource, and a form without the session's token.
  await with_("resource", "fabrikam");
  await ask(page, "hello");
  assert.match(await page.textContent("main"), /does not exist|Access denied|not belong|invalid/i);
  assert.equal(await page.locator("#check").count(), 0);
  await page.goto(`${desk}/pages/build/contoso`);
  await with_("csrf", "forged");
  await ask(page, "hello");
  assert.match(await page.textContent("main"), /not made by a page of your session/);
  await person.context.close();
});

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
  await signIn(person, "newcomer", "/pages");
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
