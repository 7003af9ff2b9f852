// Talks to the JSON endpoints. What cannot be answered is a Failure of one kind, which messages.js puts into words.

import { Component } from "./component.js";

const TIMEOUT_MS = 10_000;
export const FILE_TIMEOUT_MS = 60_000; // a photo goes up slowly over a phone's network
const MAX_RETRY_AFTER_S = 60;
const RETRY_MS = [3_000, 30_000]; // the first pause before asking again, and the longest
const OF_PROBLEM = {
  "blank-image": "blank",
  "unsupported-image": "not-image",
  "unreadable-image": "unreadable",
  "malformed-request": "unreadable", // an empty file
  "invalid-field": "rejected",
  "form-mismatch": "mismatch",
  conflict: "conflict",
  "no-improvement": "no-improvement",
};
const OF_STATUS = { 413: "too-large", 415: "not-image", 429: "rate-limited", 502: "unavailable", 503: "unavailable", 504: "unavailable" };
const TRANSIENT = ["offline", "unreachable", "slow", "rate-limited", "unavailable"];

export class Failure extends Error {
  constructor(kind, { requestId, delayMs, problem = {} } = {}) {
    super(kind);
    Object.assign(this, { kind, requestId, delayMs, problem }); // delayMs: how long the server asks to be left alone
  }

  // The failure that an answer of `status` is; `problem` is its body, {} where that was none.
  static of(status, problem, retryAfter) {
    const kind = OF_PROBLEM[problem.type?.split("/").at(-1)] ?? OF_STATUS[status] ?? "broken";
    const delayMs = Math.max(0, Math.min(Number(retryAfter), MAX_RETRY_AFTER_S)) * 1000 || undefined;
    return new Failure(kind, { requestId: problem.request_id, delayMs, problem });
  }

  // Whether the same request may well succeed a moment later, without anybody doing anything.
  get isTransient() {
    return TRANSIENT.includes(this.kind);
  }
}

// How long to wait before the same request once more, after so many tries.
export function retryDelay({ delayMs }, tries) {
  const [first, longest] = RETRY_MS;
  return delayMs ?? Math.min(first * 2 ** tries, longest);
}

// Fires "back" with the first answer after the server or the connection was away.
export class Client extends Component {
  #isAway = false;
  #silence = { until: 0, kind: "" }; // the pause that the server asked for, of everybody, and with which failure

  // The answer to `body`, strokes or a file; the options are in docs/api.md. An undefined one is left to the server.
  async ask(address, body, options, signal) {
    const query = new URLSearchParams();
    for (const [name, value] of Object.entries(options)) if (value !== undefined) query.set(name, value);
    const isFile = body instanceof Blob;
    const headers = { "Content-Type": isFile ? "application/octet-stream" : "application/json" };
    const request = { method: "POST", body: isFile ? await bytesOf(body) : JSON.stringify(body), headers };
    return this.load(`${address}?${query}`, signal, request, isFile ? FILE_TIMEOUT_MS : TIMEOUT_MS);
  }

  async load(address, signal, request = {}, timeoutMs = TIMEOUT_MS) {
    const delayMs = this.#silence.until - performance.now();
    if (delayMs > 0) throw new Failure(this.#silence.kind, { delayMs });
    try {
      const answer = await fetched(address, signal, request, timeoutMs);
      if (this.#isAway) {
        this.#isAway = false;
        this.emit("back");
      }
      return answer;
    } catch (failure) {
      const { kind, isTransient } = failure;
      this.#isAway ||= isTransient;
      if (isTransient && failure.delayMs) this.#silence = { until: performance.now() + failure.delayMs, kind };
      throw failure;
    }
  }
}

// A dropped folder, or a file that has changed since it was chosen, has none; fetch would call that a lost connection.
async function bytesOf(file) {
  try {
    return await file.arrayBuffer();
  } catch {
    throw new Failure("unreadable");
  }
}

async function fetched(address, signal, request, timeoutMs) {
  signal.throwIfAborted();
  const patience = AbortSignal.timeout(timeoutMs);
  try {
    const headers = { ...request.headers, Accept: "application/json, application/problem+json" };
    const response = await fetch(address, { ...request, headers, signal: AbortSignal.any([signal, patience]) });
    if (response.ok) return response.status === 204 ? null : await response.json();
    const problem = await response.json().catch(() => ({})); // a proxy in between answers in HTML
    throw Failure.of(response.status, problem, response.headers.get("Retry-After"));
  } catch (error) {
    signal.throwIfAborted(); // the caller wants no answer any more
    if (error instanceof Failure) throw error;
    if (patience.aborted) throw new Failure("slow");
    throw new Failure(navigator.onLine ? "unreachable" : "offline");
  }
}
