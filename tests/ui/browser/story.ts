/** What every story in a browser begins with: a world of its own, and a page that fails on its own errors. */
import { expect, type Browser, type Page, test as base } from "@playwright/test";
import { type Person, World } from "../world/people";

export const test = base.extend<{ world: World }>({
  // eslint-disable-next-line no-empty-pattern
  world: async ({}, use) => {
    const world = await World.begin();
    await use(world);
    await world.end();
  },
});

export { expect };

/** A browser profile of its own in which the person opens the address from their terminal. */
export async function enter(browser: Browser, person: Person, options: object = {}): Promise<Page> {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  page.on("pageerror", (error) => {
    throw error;
  });
  await page.goto(await person.address());
  return page;
}

/** Writes into the open conversation and sends. */
export async function say(page: Page, text: string): Promise<void> {
  await page.getByRole("textbox", { name: "Message" }).fill(text);
  await page.keyboard.press("Enter");
}

/** The bubble that holds this text. */
export function bubble(page: Page, text: string) {
  return page.getByRole("article").filter({ hasText: text });
}
