// What each page must hold to, for the tests of pages.

import assert from "node:assert/strict";
import { join } from "node:path";

import { AxeBuilder } from "@axe-core/playwright";

const RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
const BYTES_MAX = 150_000;
const screenshots = process.env.BAILIWICK_SCREENSHOTS;

/** The sizes of windows that pages are looked at in. */
export const WIDTHS = { wide: { width: 1280, height: 900 }, narrow: { width: 390, height: 844 } };

/** Notes what a page must not do: errors and warnings in the console, and dialogs. */
export function watched(page) {
  const wrong = [];
  page.on("console", (message) => {
    // Statements are signed by ES256 or EdDSA: a passkey with an RSA key would be of no use.
    if (message.text().includes("pubKeyCredParams")) return;
    if (["error", "warning"].includes(message.type())) wrong.push(`console: ${message.text()}`);
  });
  page.on("pageerror", (error) => wrong.push(`script: ${error.message}`));
  page.on("dialog", (dialog) => {
    wrong.push(`a dialog: ${dialog.message()}`);
    dialog.dismiss();
  });
  return wrong;
}

/** Looks at the page by axe's rules. */
export async function accessible(page, what) {
  const { violations } = await new AxeBuilder({ page }).withTags(RULES).analyze();
  const found = violations.map((one) => `${one.id}: ${one.help}: ${one.nodes.map((node) => node.target).join("; ")}`);
  assert.deepEqual(found, [], what);
}

/** Makes a picture of the page, if pictures are wanted. */
export async function picture(page, name, size) {
  if (screenshots) await page.screenshot({ path: join(screenshots, `${name}-${WIDTHS[size].width}.png`), fullPage: true });
}

/** Looks at a page as a whole. `sizes` has the bytes of each file that it loaded. */
export async function inspected(page, name, size, sizes) {
  const open = (isOpen) =>
    page.evaluate((isOpen) => document.querySelectorAll("details").forEach((one) => (one.open = isOpen)), isOpen);
  // What is folded must be accessible, too.
  await open(true);
  await accessible(page, `${name} ${size}`);
  const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  assert.ok(overflow <= 0, `${name} is ${overflow} px too wide`);
  await open(false);
  await picture(page, name, size);
  const total = [...sizes.values()].reduce((sum, bytes) => sum + bytes, 0);
  assert.ok(total < BYTES_MAX, `${name} has ${total} bytes`);
  const paint = await page.evaluate(() => performance.getEntriesByName("first-contentful-paint")[0]?.startTime);
  console.log(`${name} ${size}: ${total} bytes, first paint after ${Math.round(paint ?? 0)} ms`);
}
