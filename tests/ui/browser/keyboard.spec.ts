/** The whole story without a mouse, and always with a place where the person is. */
import type { Page } from "@playwright/test";
import { introduce } from "../world/people";
import { bubble, enter, expect, test } from "./story";

/** What has the focus, and that somebody sees it. */
async function seen(page: Page): Promise<string> {
  const at = await page.evaluate(() => {
    const element = document.activeElement;
    if (!(element instanceof HTMLElement) || element === document.body) return { name: "nothing", shown: false };
    // A field's box may show it in its stead.
    const shown = [element, element.parentElement].some((one) => {
      if (one === null) return false;
      const { outlineStyle, outlineWidth } = getComputedStyle(one);
      return outlineStyle !== "none" && parseFloat(outlineWidth) > 0;
    });
    const name =
      element.getAttribute("aria-label") ?? element.closest("label")?.textContent ?? element.textContent ?? "";
    return { name: name.replace(/\s+/g, " ").trim(), shown };
  });
  expect(at.shown, `the focus is seen on ${at.name}`).toBe(true);
  return at.name;
}

test("Alice writes, looks behind the shield and changes the theme, all by keys", async ({ world, browser }) => {
  const [alice, bob, carol] = [await world.person("Alice"), await world.person("Bob"), await world.person("Carol")];
  await introduce(alice, bob);
  await introduce(alice, carol);
  await carol.says("The tide table is on the door.");
  await alice.rpc.event("message_added");
  const page = await enter(browser, alice);
  const keys = page.keyboard;
  const field = page.getByRole("textbox", { name: "Message" });
  const heading = page.getByRole("heading", { level: 1 });
  await expect(heading).toHaveText("Carol");
  await expect(field).toBeFocused();

  await test.step("finds Bob and writes to him", async () => {
    await keys.press("Control+k");
    expect(await seen(page)).toBe("Find a conversation");
    await keys.type("bob");
    await expect(page.locator("[data-row]")).toHaveCount(1);
    await keys.press("Enter");
    await expect(heading).toHaveText("Bob");
    await expect(page.locator("[data-row]")).toHaveCount(2);
    await expect(field).toBeFocused();
    expect(await seen(page)).toBe("Message");
    await keys.type("Hello Bob");
    await keys.press("Shift+Enter");
    await keys.type("and a second line");
    await keys.press("Enter");
    await expect(bubble(page, "and a second line")).toHaveText(/Hello Bob\s+and a second line/);
    await expect(field).toHaveValue("");
  });

  await test.step("goes to the next conversation and back, by steps and by number", async () => {
    await keys.press("Alt+ArrowDown");
    await expect(heading).toHaveText("Carol");
    await expect(field).toBeFocused();
    await keys.press("Alt+ArrowUp");
    await expect(heading).toHaveText("Bob");
    await keys.press("Control+2");
    await expect(heading).toHaveText("Carol");
    await keys.press("Control+1");
    await expect(heading).toHaveText("Bob");
    await expect(field).toBeFocused();
  });

  await test.step("finding the open conversation again leads back to its field", async () => {
    await keys.press("Control+k");
    await keys.press("Enter");
    await expect(heading).toHaveText("Bob");
    await expect(field).toBeFocused();
  });

  await test.step("the list itself goes by arrows", async () => {
    await keys.press("Control+k");
    await keys.press("ArrowDown");
    expect(await seen(page)).toContain("Bob");
    await keys.press("ArrowDown");
    expect(await seen(page)).toContain("Carol");
    await keys.press("ArrowUp");
    await keys.press("Enter");
    await expect(heading).toHaveText("Bob");
    await expect(field).toBeFocused();
  });

  await test.step("the details open, are reached by Tab, and close by Esc", async () => {
    await keys.press("Control+i");
    const details = page.getByRole("complementary", { name: "Encryption details" });
    await expect(details.getByText("Safety number", { exact: true })).toBeVisible();
    await expect(details.getByRole("button", { name: "They match" })).toBeVisible();
    const passed: string[] = [];
    for (let step = 0; step < 25 && !passed.includes("They match"); step += 1) {
      await keys.press("Tab");
      passed.push(await seen(page));
    }
    expect(passed).toContain("They match");
    await keys.press("Enter");
    await expect(page.locator("header .shield")).toContainText("Verified");
    await keys.press("Escape");
    await expect(details).toHaveCount(0);
    await expect(field).toBeFocused();
  });

  await test.step("the list of keys", async () => {
    await keys.press("Control+/");
    await expect(page.getByRole("dialog", { name: "Keyboard shortcuts" })).toBeVisible();
    await keys.press("Escape");
    await expect(page.getByRole("dialog")).toHaveCount(0);
    await expect(field).toBeFocused();
  });

  await test.step("the theme changes by arrow keys", async () => {
    await keys.press("Control+,");
    const sheet = page.getByRole("dialog", { name: "Settings" });
    await expect(sheet).toBeVisible();
    for (let step = 0; step < 12 && (await seen(page)) !== "Like the system"; step += 1) await keys.press("Tab");
    await expect(sheet.getByRole("radio", { name: "Like the system" })).toBeFocused();
    await keys.press("ArrowRight");
    await keys.press("ArrowRight");
    await expect(sheet.getByRole("radio", { name: "Dark" })).toBeChecked();
    await expect(page.locator("html")).toHaveAttribute("data-theme", "dark");
    await seen(page);
    await keys.press("Escape");
    await expect(page.getByRole("dialog")).toHaveCount(0);
    await expect(field).toBeFocused();
    await page.reload();
    await expect(page.locator("html")).toHaveAttribute("data-theme", "dark");
  });

  await test.step("a round by Tab never loses the person", async () => {
    await expect(field).toBeFocused();
    for (let step = 0; step < 8; step += 1) {
      await keys.press("Shift+Tab");
      await seen(page);
    }
  });
});
