// Debian's Chromium, for the tests of pages and of passkeys. BAILIWICK_CHROMIUM is another one.

import { chromium } from "playwright-core";

/** Starts the browser, without the connections that it makes by itself. */
export const launch = () =>
  chromium.launch({
    executablePath: process.env.BAILIWICK_CHROMIUM ?? "/usr/bin/chromium",
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ],
  });
