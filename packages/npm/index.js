// The checks for Node: it finds `audit.wasm` beside this file, and reads a log from a folder.

import { readFileSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";

import { audit, ask as askModule } from "./core.js";

export { AuditError } from "./core.js";

const module = new WebAssembly.Module(readFileSync(new URL("audit.wasm", import.meta.url)));
const checks = audit(module);

/** Asks the module one question; for `cli.js`. */
export const ask = (fields) => askModule(module, fields);

/** The files of a log in a folder, by their paths. */
export function readLog(folder) {
  const files = new Map();
  const add = (path) => {
    const found = statSync(join(folder, path), { throwIfNoEntry: false });
    if (found?.isFile()) files.set(path, readFileSync(join(folder, path)));
    if (found?.isDirectory()) {
      for (const name of readdirSync(join(folder, path)).sort()) add(`${path}/${name}`);
    }
  };
  add("checkpoint");
  add("tile");
  return files;
}

const files = (log) => (typeof log === "string" ? readLog(log) : log);

export function verifyReceipt(serviceKey, receipt, options = {}) {
  const log = options.log === undefined ? undefined : files(options.log);
  return checks.verifyReceipt(serviceKey, receipt, { ...options, log });
}

export function verifyLog(serviceKey, log, options = {}) {
  return checks.verifyLog(serviceKey, files(log), options);
}

export const { verifyCheckpoint, verifyInclusion, verifyConsistency } = checks;
