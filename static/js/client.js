// Talks to the JSON endpoint. Every way it can fail has one kind, which words.js puts into words.

const ADDRESS = "/api/v1/predict?ink=1";
const PATIENCE_MS = { strokes: 10_000, file: 60_000 }; // a photo goes up slowly over a phone's network

const KIND_OF_PROBLEM = {
  "blank-image": "blank",
  "image-too-large": "too-large",
  "request-too-large": "too-large",
  "unsupported-image": "not-image",
  "unreadable-image": "unreadable",
  "unreadable-request": "unreadable", // an empty file
  "invalid-field": "refused",
};
const KIND_OF_STATUS = { 413: "too-large", 415: "not-image", 429: "busy", 502: "busy", 503: "busy", 504: "busy" };

// kind: blank, too-large, not-image, unreadable, refused, busy, offline or broken.
export class Failure extends Error {
  constructor(kind, problem = {}) {
    super(problem.detail ?? kind);
    this.kind = kind;
    this.requestId = problem.request_id;
  }

  // Whether the same request may well succeed a moment later.
  get passes() {
    return this.kind === "offline" || this.kind === "busy";
  }
}

export function predictStrokes(strokes, signal) {
  const body = JSON.stringify({ strokes });
  return post(body, "application/json", PATIENCE_MS.strokes, signal);
}

export function predictFile(file, signal) {
  return post(file, "application/octet-stream", PATIENCE_MS.file, signal);
}

async function post(body, type, patienceMs, signal) {
  const patience = new AbortController();
  const timer = setTimeout(() => patience.abort(), patienceMs);
  const giveUp = () => patience.abort();
  signal?.addEventListener("abort", giveUp);
  try {
    const response = await fetch(ADDRESS, {
      method: "POST",
      body,
      headers: { "Content-Type": type, Accept: "application/json, application/problem+json" },
      signal: patience.signal,
    });
    if (!response.ok) throw await failureOf(response);
    return await response.json();
  } catch (error) {
    if (error instanceof Failure) throw error;
    signal?.throwIfAborted(); // the caller wants no answer any more
    throw new Failure(error.name === "AbortError" ? "busy" : "offline");
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", giveUp);
  }
}

async function failureOf(response) {
  const problem = await response.json().catch(() => ({})); // a proxy in between answers in HTML
  const name = String(problem.type ?? "").split("/").at(-1);
  const kind = KIND_OF_PROBLEM[name] ?? KIND_OF_STATUS[response.status] ?? "broken";
  return new Failure(kind, problem);
}
