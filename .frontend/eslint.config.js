import js from "@eslint/js";
import globals from "globals";

// Everything that turns a string into markup. Text reaches the page through textContent alone; the browser enforces
// the same with Trusted Types, this says it before the page is ever opened.
const MARKUP = ["innerHTML", "outerHTML", "insertAdjacentHTML", "setHTMLUnsafe", "srcdoc", "createContextualFragment"];

// Run from the project's root (npm run lint does): patterns count from where eslint is started.
export default [
  {
    files: ["static/js/**/*.js", ".frontend/*.js"],
    languageOptions: { ecmaVersion: 2023, sourceType: "module", globals: { ...globals.browser } },
    linterOptions: { reportUnusedDisableDirectives: "error" },
    rules: {
      ...js.configs.recommended.rules,
      eqeqeq: "error",
      "no-eval": "error",
      "no-implied-eval": "error",
      "no-restricted-properties": [
        "error",
        ...MARKUP.map((property) => ({ property, message: "Use textContent or createElement." })),
        { object: "document", property: "write", message: "Use createElement." },
        { object: "document", property: "writeln", message: "Use createElement." },
      ],
      "no-unused-vars": "error",
      "no-var": "error",
      "prefer-const": "error",
    },
  },
];
