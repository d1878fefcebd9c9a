/**
 * The pages that a relay shows to people: in both themes, wide and narrow, with scripts and
 * without. What they say about themselves in headers is in crates/relay/tests/operation/pages.rs.
 */
import AxeBuilder from "@axe-core/playwright";
import type { Page } from "@playwright/test";
import { resolve } from "node:path";
import { expect, test } from "./story";

const folder = process.env.SOTTO_SCREENS ?? resolve(import.meta.dirname, "../screens");
const PAYLOAD = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4v-_";

// The certificate is the relay's own.
test.use({ ignoreHTTPSErrors: true });

function place(address: string): string {
  return address.slice("sotto-relay://".length).split("#")[0] ?? "";
}

/** Whatever the page's policy forbids, and whatever it asks of anybody. */
function watch(page: Page): { said: string[]; asked: string[] } {
  const seen = { said: [] as string[], asked: [] as string[] };
  page.on("console", (message) => seen.said.push(message.text()));
  page.on("pageerror", (error) => seen.said.push(String(error)));
  page.on("request", (request) => seen.asked.push(request.url()));
  return seen;
}

async function look(page: Page, name: string): Promise<void> {
  for (const theme of ["light", "dark"] as const) {
    await page.emulateMedia({ colorScheme: theme });
    for (const [shape, width] of [
      ["", 900],
      ["phone-", 390],
    ] as const) {
      await page.setViewportSize({ width, height: 860 });
      await page.screenshot({ path: resolve(folder, `${shape}${name}-${theme}.png`), fullPage: true });
      const wider = await page.evaluate(() => document.documentElement.scrollWidth > window.innerWidth);
      expect(wider, `${name} at ${width}`).toBe(false);
    }
    const { violations } = await new AxeBuilder({ page }).analyze();
    expect(
      violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ target }) => target.join(" ")).join(", ")}`),
      `${name}, ${theme}`,
    ).toEqual([]);
  }
}

test("the relay's page says what it is and shows its address", async ({ world, page }) => {
  const seen = watch(page);
  const address = world.relay.address;
  await page.goto(`https://${place(address)}/`);
  await expect(page.getByRole("heading", { name: "This is a Sotto relay" })).toBeVisible();
  await expect(page.getByText(address)).toBeVisible();
  await expect(page.getByRole("img", { name: "The relay's address as a QR code" })).toBeVisible();
  await look(page, "relay");
  expect(seen.said).toEqual([]);
  // Itself, and the icon that browsers look for by themselves.
  expect(seen.asked.filter((url) => !url.endsWith("/favicon.ico"))).toEqual([`https://${place(address)}/`]);
});

test("an invite that is opened in a browser leads to the app, and the relay never sees it", async ({ world, page }) => {
  const seen = watch(page);
  const at = place(world.relay.address);
  await page.goto(`https://${at}/i#${PAYLOAD}`);
  const open = page.getByRole("link", { name: "Open in Sotto" });
  await expect(open).toBeVisible();
  expect(await open.getAttribute("href")).toBe(`sotto:${at}/i#${PAYLOAD}`);
  await expect(page.getByText("This link is not complete")).toBeHidden();
  await look(page, "relay-invite");
  expect(seen.said).toEqual([]);

  for (const cut of ["", "#", "#<script>", "#javascript:alert(1)"]) {
    await page.goto("about:blank");
    await page.goto(`https://${at}/i${cut}`);
    await expect(page.getByText("This link is not complete")).toBeVisible();
    await expect(open).toBeHidden();
  }
});

test("without scripts an invite still says what to do", async ({ world, browser }) => {
  const context = await browser.newContext({ ignoreHTTPSErrors: true, javaScriptEnabled: false });
  const page = await context.newPage();
  await page.goto(`https://${place(world.relay.address)}/i#${PAYLOAD}`);
  await expect(page.getByText("Copy the whole address of this page")).toBeVisible();
  await expect(page.getByRole("link", { name: "Open in Sotto" })).toBeHidden();
  await context.close();
});
