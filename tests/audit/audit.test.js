// The npm package: it judges the vectors as their names say, and its API checks single proofs.

import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { test } from "node:test";
import { pathToFileURL } from "node:url";

const home = process.env.BAILIWICK_AUDIT_PACKAGE;
const audit = await import(pathToFileURL(`${home}/index.js`));
const core = await import(pathToFileURL(`${home}/core.js`));

const VECTORS = new URL("../../crates/tlog/vectors/", import.meta.url);
const KEY = readFileSync(new URL("service.pub", VECTORS), "utf8");

function vectors(kind) {
  const folder = new URL(`${kind}/`, VECTORS);
  return readdirSync(folder).map((name) => {
    const lines = readFileSync(new URL(name, folder), "utf8").split("\n");
    const hex = lines.filter((line) => !line.startsWith("#")).join("");
    return [name, new Uint8Array(Buffer.from(hex, "hex")), name.startsWith("good-")];
  });
}

const vector = (kind, name) => vectors(kind).find(([known]) => known === name)[1];
const receipt = vector("receipt", "good-stored.hex");
const note = new TextDecoder().decode(vector("checkpoint", "good-stored.hex"));

function accepts(check) {
  try {
    return check().verdict === "verified";
  } catch (error) {
    assert.ok(error instanceof audit.AuditError, `${error}`);
    assert.ok(error.message && error.help && error.text.startsWith("error: "));
    return false;
  }
}

for (const [kind, check] of [
  ["receipt", (data) => audit.verifyReceipt(KEY, data)],
  ["checkpoint", (data) => audit.verifyCheckpoint(KEY, data)],
  ["verifier-key", (data) => audit.verifyCheckpoint(data, note)],
]) {
  test(`vectors: ${kind}`, () => {
    const seen = { good: 0, bad: 0 };
    for (const [name, data, good] of vectors(kind)) {
      assert.equal(accepts(() => check(data)), good, name);
      seen[good ? "good" : "bad"] += 1;
    }
    assert.ok(seen.good > 0 && seen.bad > 0);
  });
}

test("a report says what the receipt contains", () => {
  const report = audit.verifyReceipt(KEY, receipt);
  assert.deepEqual([report.verdict, report.status], ["verified", 0]);
  assert.ok(report.text.startsWith("VERIFIED: "));
  assert.equal(report.data.schema, "bailiwick/verify/1");
  assert.ok(report.data.receipt.request.startsWith("req_"));
});

test("another body is found", () => {
  const report = audit.verifyReceipt(KEY, receipt, { request: new TextEncoder().encode("another") });
  assert.equal(report.verdict, "failed");
  assert.match(report.text, /`request` is not the request's body/);
});

test("a log that lacks files is incomplete, and one without a checkpoint cannot be read", () => {
  const report = audit.verifyLog(KEY, { checkpoint: new TextEncoder().encode(note) });
  assert.deepEqual([report.verdict, report.status], ["incomplete", 3]);
  assert.throws(() => audit.verifyLog(KEY, new Map()), /there is no `checkpoint`/);
});

test("proofs are checked", () => {
  const root = new Uint8Array(Buffer.from(note.split("\n")[2], "base64"));
  const wrong = audit.verifyInclusion(KEY, note, 0, new TextEncoder().encode("no entry"), [root]);
  assert.equal(wrong.verdict, "failed");
  assert.match(wrong.text, /the proof does not show that entry 0/);
  assert.equal(audit.verifyConsistency(KEY, note, note, []).verdict, "verified");
  assert.equal(audit.verifyConsistency(KEY, note, note, [root]).verdict, "failed");
});

test("a browser compiles the module itself", () => {
  const module = new WebAssembly.Module(readFileSync(`${home}/audit.wasm`));
  assert.deepEqual(WebAssembly.Module.imports(module), []);
  assert.equal(core.audit(module).verifyReceipt(KEY, receipt).verdict, "verified");
});
