// Keeps the page, so that it opens without a network. What the server answers is never kept.

const CACHE = "digitrec";

self.addEventListener("install", (event) => event.waitUntil(Promise.all([self.skipWaiting(), keep("./")])));
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));

self.addEventListener("fetch", (event) => {
  const { request } = event;
  const { pathname } = new URL(request.url);
  if (request.method !== "GET") return;
  if (request.mode === "navigate" && pathname === new URL(self.registration.scope).pathname) event.respondWith(page(request));
  else if (pathname.includes("/static/")) event.respondWith(file(request));
});

// The newest page, and without a network the last.
async function page(request) {
  try {
    const response = await fetch(request);
    if (response.ok) (await caches.open(CACHE)).put("./", response.clone());
    return response;
  } catch {
    return (await caches.match("./")) ?? Response.error();
  }
}

// A file's address has its hash: one that is kept is the right one.
async function file(request) {
  const kept = await caches.match(request);
  if (kept) return kept;
  const response = await fetch(request);
  if (response.ok && new URL(request.url).searchParams.has("v")) {
    const cache = await caches.open(CACHE);
    await cache.delete(request, { ignoreSearch: true }); // an older version
    await cache.put(request, response.clone());
  }
  return response;
}

async function keep(address) {
  await (await caches.open(CACHE)).add(address);
}
