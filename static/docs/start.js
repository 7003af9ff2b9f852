/* global SwaggerUIBundle */
const page = document.getElementById("interface");
const root = document.documentElement;
const followTheme = () => root.classList.toggle("dark-mode", root.dataset.theme === "dark"); // Swagger UI's own switch

addEventListener("themechange", followTheme);
followTheme();

SwaggerUIBundle({
  domNode: page,
  url: page.dataset.document,
  deepLinking: true,
  defaultModelsExpandDepth: 0,
  validatorUrl: null, // asks no other host
});
