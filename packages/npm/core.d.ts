/** What was found. */
export interface Report {
  verdict: "verified" | "failed" | "incomplete";
  /** The exit status of `bailiwick verify`: 0, 1 or 3. */
  status: number;
  /** What `bailiwick verify` prints. */
  text: string;
  /** What `bailiwick verify --json` prints: the checks, and what the receipt or the log contains. */
  data: {
    schema: string;
    verdict: string;
    summary: string;
    checks: { result: string; what: string; entry?: number }[];
    receipt?: Record<string, unknown>;
    log?: Record<string, unknown>;
  };
}

/** The input cannot be read, or is another service's: nothing was found out. */
export class AuditError extends Error {
  /** What to do about it. */
  help: string;
  /** What is wrong and what to do, as `bailiwick verify` prints them. */
  text: string;
}

/** A log's files by their paths: `checkpoint`, `tile/…`. */
export type Files = Map<string, Uint8Array> | Record<string, Uint8Array>;

export interface Audit<Log = Files> {
  /** Checks a receipt; with the bodies that it is about, and that the log says the same. */
  verifyReceipt(
    serviceKey: string,
    receipt: Uint8Array,
    options?: { request?: Uint8Array; response?: Uint8Array; log?: Log; witnesses?: Iterable<string> },
  ): Report;
  /** Replays a whole log. `older`: a checkpoint that was saved earlier. `requests`: ids of requests. */
  verifyLog(
    serviceKey: string,
    log: Log,
    options?: { older?: Uint8Array | string; requests?: Iterable<string>; witnesses?: Iterable<string> },
  ): Report;
  /** Checks that the service signed a checkpoint, and that each witness cosigned it. */
  verifyCheckpoint(serviceKey: string, checkpoint: string, options?: { witnesses?: Iterable<string> }): Report;
  /** Checks that an entry is in the log, at this place (RFC 9162, section 2.1.3). */
  verifyInclusion(
    serviceKey: string,
    checkpoint: string,
    index: number | bigint,
    entry: Uint8Array,
    proof: Iterable<Uint8Array>,
  ): Report;
  /** Checks that a newer checkpoint continues an older one (RFC 9162, section 2.1.4). */
  verifyConsistency(serviceKey: string, older: string, newer: string, proof: Iterable<Uint8Array>): Report;
}

/** Makes the checks from a compiled `audit.wasm`. */
export function audit(module: WebAssembly.Module): Audit;
