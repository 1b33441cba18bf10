// Journeys in a real browser against the real trainer, broker and edge; `SCREENSHOTS=FOLDER` takes
// pictures of all pages instead.
import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    globalSetup: "e2e/lab.ts",
    include: [process.env.SCREENSHOTS ? "e2e/screenshots.ts" : "e2e/**/*.spec.ts"],
    fileParallelism: false,
    testTimeout: 120_000,
    hookTimeout: 300_000,
  },
});
