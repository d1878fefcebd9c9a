import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    // Each story starts real programs and windows; the machine may be small.
    testTimeout: 90_000,
    hookTimeout: 60_000,
    fileParallelism: false,
  },
});
