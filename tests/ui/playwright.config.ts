import { defineConfig } from "@playwright/test";

export default defineConfig({
  testDir: "browser",
  outputDir: "results",
  // Each story starts real programs; the machine may be small.
  timeout: 90_000,
  expect: { timeout: 20_000 },
  workers: 1,
  retries: 0,
  reporter: [["list"]],
  forbidOnly: true,
  use: {
    browserName: "chromium",
    locale: "en-GB",
    timezoneId: "Europe/Berlin",
    viewport: { width: 1180, height: 760 },
    permissions: ["clipboard-read", "clipboard-write"],
    launchOptions: {
      executablePath: process.env.SOTTO_CHROMIUM ?? "/usr/bin/chromium",
      // The tests run as root in small containers, and nothing but this machine is to be asked.
      args: [
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
      ],
    },
  },
});
