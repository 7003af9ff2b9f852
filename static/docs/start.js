/* global SwaggerUIBundle */
const page = document.getElementById("interface");

SwaggerUIBundle({
  domNode: page,
  url: page.dataset.document,
  deepLinking: true,
  defaultModelsExpandDepth: 0,
  validatorUrl: null, // asks no other host
});
