// Builds the console into dist/, which the trainer serves. `npm run dev` serves it from memory and
// passes the API's requests on to a trainer on its usual port.
import vue from "@vitejs/plugin-vue";
import { defineConfig } from "vitest/config";

export default defineConfig({
  plugins: [vue()],
  build: { target: "es2022", modulePreload: { polyfill: false }, assetsInlineLimit: 0 },
  server: { port: 3031, proxy: { "/api": process.env.TRAINER ?? "http://127.0.0.1:5100" } },
  test: { environment: "happy-dom", include: ["src/**/*.spec.ts"] },
});
