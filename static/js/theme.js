// What must be right at the first paint, which a module would come after: the colours, as the system or the person
// chose, and that the page is more than its form. Fires "themechange" on the window.
(() => {
  const KEY = "digitrec.theme";
  const NEXT = { system: "dark", dark: "light", light: "system" };
  const root = document.documentElement;
  const system = matchMedia("(prefers-color-scheme: dark)");
  let choice = "system";
  try {
    choice = localStorage.getItem(KEY) ?? choice;
  } catch {
    // The storage is turned off: a choice lasts as long as the page.
  }

  const apply = () => {
    const dark = choice === "dark" || (choice === "system" && system.matches);
    root.dataset.choice = choice;
    root.dataset.theme = dark ? "dark" : "light";
    document.querySelector("meta[name=theme-color]").content = dark ? "#0f1117" : "#f4f1ea";
    const button = document.getElementById("theme");
    if (button) button.title = button.ariaLabel = button.dataset[choice] ?? button.dataset.system;
    dispatchEvent(new Event("themechange"));
  };

  document.addEventListener("click", ({ target }) => {
    if (!target.closest("#theme")) return;
    choice = NEXT[choice] ?? "system";
    try {
      localStorage.setItem(KEY, choice);
    } catch {
      // As above.
    }
    apply();
  });
  document.addEventListener("DOMContentLoaded", apply);
  system.addEventListener("change", apply);
  apply();

  // By then every module has run. If one did not load, or failed, the form takes the page's place; for one that hangs,
  // and keeps the page from being loaded, too. A module that comes later still brings the page back.
  const checkScripted = () => {
    if (root.dataset.scripted !== "whole") delete root.dataset.scripted;
  };
  addEventListener("load", checkScripted);
  setTimeout(checkScripted, 10_000);
  root.dataset.scripted = "soon";
})();
