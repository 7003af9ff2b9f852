// Lets the service worker keep the page, with the files that it has loaded.

export async function keepPage(address) {
  if (!navigator.serviceWorker) return; // no HTTPS
  await navigator.serviceWorker.register(address);
  const loaded = new Set(performance.getEntriesByType("resource").map(({ name }) => name)); // a file may be there twice
  const files = [...loaded].filter((name) => name.startsWith(location.origin) && name.includes("/static/") && name.includes("?v="));
  await (await caches.open("digitrec")).addAll(files); // from the browser's own cache
}
