import js from "@eslint/js";
import globals from "globals";

export default [
  js.configs.recommended,
  {
    files: ["static/js/**/*.js", "static/docs/*.js"],
    languageOptions: { globals: { ...globals.browser, ...globals.serviceworker, takeEarlyInk: "readonly" } },
    rules: {
      "max-lines": ["error", 250],
      complexity: ["error", 10],
      eqeqeq: "error",
      "no-unused-vars": ["error", { ignoreRestSiblings: true }],
      "no-var": "error",
      "prefer-const": "error",
      "no-unused-private-class-members": "error",
      "no-restricted-properties": ["error", { property: "innerHTML", message: "Text from outside must not become markup." }],
    },
  },
  { files: ["static/js/theme.js", "static/js/early_ink.js", "static/docs/*.js"], languageOptions: { sourceType: "script" } },
  { files: ["tests/js/*.js", "eslint.config.js"], languageOptions: { globals: globals.node } },
  { ignores: [".venv*/", "static/bundle/", "build/", "dist/", "reports/", "htmlcov/", "site/"] },
];
