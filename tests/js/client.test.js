import assert from "node:assert/strict";
import { afterEach, beforeEach, mock, test } from "node:test";

import { Client, Failure, retryDelay } from "../../static/js/client.js";

const FOREVER = new AbortController().signal;
const { fetch, performance } = globalThis;
let sent, answers, now;

beforeEach(() => {
  [sent, answers, now] = [[], [], 0];
  mock.method(performance, "now", () => now);
  globalThis.fetch = async (address, request) => {
    sent.push([address, request]);
    return answers.shift() ?? Response.json({});
  };
});

afterEach(() => {
  mock.restoreAll();
  globalThis.fetch = fetch;
});

const busy = (status, retryAfter) => new Response("{}", { status, headers: { "Retry-After": retryAfter } });
const isFailure = (kind, delayMs) => (failure) =>
  failure instanceof Failure && failure.kind === kind && failure.delayMs === delayMs;

test("the first answer after an outage is reported, once", async () => {
  const client = new Client();
  let back = 0;
  client.addEventListener("back", () => (back += 1));
  await client.load("/a", FOREVER);
  answers.push(busy(503, ""), new Response("{}", { status: 500 }));
  await assert.rejects(client.load("/a", FOREVER));
  await assert.rejects(client.load("/a", FOREVER));
  assert.equal(back, 0);
  await client.load("/b", FOREVER);
  await client.load("/b", FOREVER);
  assert.equal(back, 1);
});

test("nothing is asked of a server that wants a pause, by any part of the page, until it is over", async () => {
  const client = new Client();
  answers.push(busy(429, "30"));
  await assert.rejects(client.ask("/a", {}, {}, FOREVER), isFailure("rate-limited", 30_000));
  now = 10_000;
  await assert.rejects(client.ask("/a", {}, {}, FOREVER), isFailure("rate-limited", 20_000));
  await assert.rejects(client.load("/b", FOREVER), isFailure("rate-limited", 20_000));
  assert.equal(sent.length, 1);
  now = 30_000;
  await client.ask("/a", {}, {}, FOREVER);
  assert.equal(sent.length, 2);
});

test("a failure that names no pause stops nobody", async () => {
  const client = new Client();
  answers.push(new Response("{}", { status: 503 }));
  await assert.rejects(client.load("/a", FOREVER), isFailure("unavailable", undefined));
  await client.load("/a", FOREVER);
  assert.equal(sent.length, 2);
});

test("a request without an answer in time is slow, and one that was aborted is no failure", async () => {
  const awake = setTimeout(() => {}, 10_000); // the timer of a signal alone would not keep Node running
  globalThis.fetch = (address, { signal }) => new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
  const client = new Client();
  await assert.rejects(client.load("/a", FOREVER, {}, 1), isFailure("slow", undefined));
  await assert.rejects(client.load("/a", AbortSignal.timeout(1), {}, 10_000), { name: "TimeoutError" });
  clearTimeout(awake);
});

test("a file that the browser cannot read is unreadable, and not sent", async () => {
  const file = new Blob(["gone"]);
  file.arrayBuffer = () => Promise.reject(new DOMException("changed on disk", "NotReadableError"));
  await assert.rejects(new Client().ask("/a", file, {}, FOREVER), isFailure("unreadable", undefined));
  assert.equal(sent.length, 0);
});

test("a file goes out as its bytes", async () => {
  await new Client().ask("/a", new Blob(["abc"]), { include: "normalized_image", threshold: 0.5, length: undefined }, FOREVER);
  const [address, { body, headers }] = sent[0];
  assert.equal(address, "/a?include=normalized_image&threshold=0.5");
  assert.equal(new TextDecoder().decode(body), "abc");
  assert.equal(headers["Content-Type"], "application/octet-stream");
});

test("each try waits longer than the one before, within reason, and as long as the server asks", () => {
  const lost = new Failure("unreachable");
  const pauses = [0, 1, 2, 3, 4, 50].map((tries) => retryDelay(lost, tries));
  assert.deepEqual(pauses, [3000, 6000, 12_000, 24_000, 30_000, 30_000]);
  assert.equal(retryDelay(new Failure("rate-limited", { delayMs: 7000 }), 3), 7000);
});
