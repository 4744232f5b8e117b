import type { Audit, Files } from "./core.js";

export { AuditError } from "./core.js";
export type { Files, Report } from "./core.js";

/** A log: a folder, or its files by their paths. */
export type Log = string | Files;

/** The files of a log in a folder, by their paths. */
export function readLog(folder: string): Map<string, Uint8Array>;

export const verifyReceipt: Audit<Log>["verifyReceipt"];
export const verifyLog: Audit<Log>["verifyLog"];
export const verifyCheckpoint: Audit["verifyCheckpoint"];
export const verifyInclusion: Audit["verifyInclusion"];
export const verifyConsistency: Audit["verifyConsistency"];
