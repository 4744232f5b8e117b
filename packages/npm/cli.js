#!/usr/bin/env node
// The command `bailiwick-audit`: the options, words and exit statuses of `bailiwick verify`.

import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";

import { ask, readLog } from "./index.js";

const USAGE = `Checks the receipts and the log of a Bailiwick service. Needs only the service's public key.

Usage: bailiwick-audit verify receipt RECEIPT [OPTIONS]
       bailiwick-audit verify log FOLDER [OPTIONS]

  --service-key KEY   the service's public key, or its file [default: service.pub]
  --json              print JSON instead of text
  --witness KEY       verifier key of a witness that must have cosigned; repeat it for each
of a receipt:
  --request FILE      the body that you sent
  --response FILE     the body that you received; all bytes of it if it is a stream
  --log FOLDER        the folder of the log. The log is replayed, and must agree with the receipt
of a log:
  --request ID        id of a request of yours: lists the times at which its record was opened by
                      reviewers, read or deleted; repeat it for each
  --older FILE        a checkpoint that you saved earlier: the log must continue it

Exit status: 0 verified, 1 a check failed, 2 wrong usage or unreadable input, 3 incomplete.
`;

/** Wrong usage, or a file that cannot be read. */
class Unreadable extends Error {}

const several = { type: "string", multiple: true, default: [] };
const options = {
  "service-key": { type: "string", default: "service.pub" },
  json: { type: "boolean", default: false },
  witness: several,
  request: several,
  response: { type: "string" },
  log: { type: "string" },
  older: { type: "string" },
  help: { type: "boolean", short: "h", default: false },
};

function main(args) {
  const { values, positionals } = parseArgs({ args, options, allowPositionals: true });
  if (values.help) {
    process.stdout.write(USAGE);
    return 0;
  }
  const [command, what, path, ...more] = positionals;
  const foreign = { receipt: ["older"], log: ["response", "log"] }[what];
  const isUsage = command === "verify" && foreign !== undefined && path !== undefined && more.length === 0;
  const one = what === "log" || values.request.length < 2;
  if (!isUsage || !one || foreign.some((name) => values[name] !== undefined)) throw new Unreadable(USAGE);
  const answer = ask([
    ["what", what],
    ...serviceKey(values["service-key"]),
    ...values.witness.map((key) => ["witness", key]),
    ...(what === "log" ? ofLog(path, values) : ofReceipt(path, values)),
  ]);
  if (answer.report === null) process.stderr.write(`${answer.text}\n`);
  else process.stdout.write(values.json ? `${answer.report}\n` : answer.text);
  return answer.status;
}

function ofReceipt(path, values) {
  const fields = [["receipt", read(path)]];
  for (const [name, file] of [["request", values.request[0]], ["response", values.response]]) {
    if (file !== undefined) fields.push([name, read(file)], [`${name}Name`, file]);
  }
  return values.log === undefined ? fields : [...fields, ...log(values.log)];
}

function ofLog(folder, values) {
  const fields = [...log(folder), ...values.request.map((id) => ["requestId", id])];
  if (values.older !== undefined) {
    fields.push(["older", read(values.older)], ["olderName", values.older]);
  }
  return fields;
}

function log(folder) {
  const files = [...readLog(folder)].map(([path, data]) => [`file:${path}`, data]);
  return [["logName", folder], ...files];
}

function serviceKey(given) {
  try {
    return [["serviceKey", given], ["serviceKeyFile", readFileSync(given)]];
  } catch (error) {
    if (error.code === "ENOENT") return [["serviceKey", given]];
    throw new Unreadable(`error: \`--service-key ${given}\`: ${error.message}\nhelp: check the path\n`);
  }
}

function read(path) {
  try {
    return readFileSync(path);
  } catch (error) {
    const what = error.code === "ENOENT" ? "there is no such file" : error.message;
    throw new Unreadable(`error: \`${path}\`: ${what}\nhelp: check the path\n`);
  }
}

try {
  process.exitCode = main(process.argv.slice(2));
} catch (error) {
  // Options that are not there are `parseArgs`'s own errors.
  const isUsage = error instanceof Unreadable || `${error.code}`.startsWith("ERR_PARSE_ARGS");
  if (!isUsage) throw error;
  process.stderr.write(error instanceof Unreadable ? error.message : `error: ${error.message}\n\n${USAGE}`);
  process.exitCode = 2;
}
