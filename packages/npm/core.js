// The checks, for any host that runs WebAssembly: a browser, too. The module imports nothing, so it
// reaches neither files nor network nor a clock.

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** The input cannot be read, or is another service's: nothing was found out. */
export class AuditError extends Error {
  constructor({ error, help, text }) {
    super(`${error} (${help})`);
    this.name = "AuditError";
    /** What to do about it. */
    this.help = help;
    /** Both, as `bailiwick verify` prints them. */
    this.text = text;
  }
}

/** Makes the checks from a compiled `audit.wasm`. */
export function audit(module) {
  const check = (what, serviceKey, fields) => {
    const answer = ask(module, [["what", what], ["serviceKey", serviceKey], ...fields]);
    if (answer.report === null) throw new AuditError(answer);
    const data = JSON.parse(answer.report);
    return { verdict: data.verdict, status: answer.status, text: answer.text, data };
  };
  return {
    verifyReceipt(serviceKey, receipt, { request, response, log, witnesses = [] } = {}) {
      const fields = [["receipt", receipt], ...keys(witnesses)];
      if (request !== undefined) fields.push(["request", request]);
      if (response !== undefined) fields.push(["response", response]);
      if (log !== undefined) fields.push(...files(log));
      return check("receipt", serviceKey, fields);
    },
    verifyLog(serviceKey, log, { older, requests = [], witnesses = [] } = {}) {
      const fields = [...files(log), ...keys(witnesses)];
      for (const request of requests) fields.push(["requestId", request]);
      if (older !== undefined) fields.push(["older", older]);
      return check("log", serviceKey, fields);
    },
    verifyCheckpoint(serviceKey, checkpoint, { witnesses = [] } = {}) {
      return check("checkpoint", serviceKey, [["checkpoint", checkpoint], ...keys(witnesses)]);
    },
    verifyInclusion(serviceKey, checkpoint, index, entry, proof) {
      const fields = [["checkpoint", checkpoint], ["index", `${index}`], ["entry", entry]];
      return check("inclusion", serviceKey, [...fields, ["proof", joined(proof)]]);
    },
    verifyConsistency(serviceKey, older, newer, proof) {
      const fields = [["older", older], ["checkpoint", newer], ["proof", joined(proof)]];
      return check("consistency", serviceKey, fields);
    },
  };
}

/** Asks the module one question, in a memory of its own. Its answer is JSON. */
export function ask(module, fields) {
  const parts = fields.flat().map((part) => (typeof part === "string" ? encoder.encode(part) : part));
  const length = parts.reduce((sum, part) => sum + 4 + part.length, 0);
  const { memory, reserve, ask, answer } = new WebAssembly.Instance(module, {}).exports;
  // The module's numbers have 32 bits without a sign.
  let at = reserve(length) >>> 0;
  const numbers = new DataView(memory.buffer);
  const bytes = new Uint8Array(memory.buffer);
  for (const part of parts) {
    numbers.setUint32(at, part.length, true);
    bytes.set(part, at + 4);
    at += 4 + part.length;
  }
  const answered = ask() >>> 0;
  return JSON.parse(decoder.decode(new Uint8Array(memory.buffer, answer() >>> 0, answered)));
}

function keys(witnesses) {
  if (typeof witnesses === "string") throw new TypeError("witnesses is a list of keys");
  return Array.from(witnesses, (key) => ["witness", key]);
}

function files(log) {
  const entries = log instanceof Map ? [...log] : Object.entries(log);
  return [["logName", "log"], ...entries.map(([path, data]) => [`file:${path}`, data])];
}

function joined(hashes) {
  const all = Array.from(hashes);
  const bytes = new Uint8Array(all.reduce((sum, hash) => sum + hash.length, 0));
  let at = 0;
  for (const hash of all) {
    bytes.set(hash, at);
    at += hash.length;
  }
  return bytes;
}
