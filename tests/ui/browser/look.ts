/** What stands on a screen, looked at in light and in dark: a picture, and all that axe can find. */
import AxeBuilder from "@axe-core/playwright";
import type { Page } from "@playwright/test";
import { resolve } from "node:path";
import { expect } from "./story";

const folder = process.env.SOTTO_SCREENS ?? resolve(import.meta.dirname, "../screens");

export const WIDE = { width: 1180, height: 760 };
export const PHONE = { width: 390, height: 780 };

/** Takes the pictures `name-light` and `name-dark`; the test fails on a violation. */
export async function look(page: Page, name: string): Promise<void> {
  for (const theme of ["light", "dark"] as const) {
    await page.emulateMedia({ colorScheme: theme, reducedMotion: "reduce" });
    await page.waitForTimeout(250);
    await page.screenshot({ path: resolve(folder, `${name}-${theme}.png`) });
    const { violations } = await new AxeBuilder({ page }).analyze();
    const said = violations.map(
      ({ id, nodes }) =>
        `${id}: ${nodes.map(({ target, failureSummary }) => `${target.join(" ")} ${failureSummary}`).join("\n   ")}`,
    );
    expect(said, `${name}, ${theme}`).toEqual([]);
  }
}
