/** A conversation that is longer than what a page keeps of it, and a list as wide as somebody wants. */
import type { Page } from "@playwright/test";
import { introduce } from "../world/people";
import { bubble, enter, expect, say, test } from "./story";

test.setTimeout(300_000);
const MANY = 450;
/** Two notches of a wheel, in pixels. */
const STEP = 200;

/** The numbers of the messages that are to be seen, and where each stands. */
function shown(page: Page): Promise<[number: number, top: number][]> {
  return page.evaluate(() => {
    const frame = document.querySelector(".scroller[role=region]")?.getBoundingClientRect();
    return [...document.querySelectorAll("article")].flatMap((article): [number, number][] => {
      const { top, bottom } = article.getBoundingClientRect();
      const number = /No\. (\d+)/.exec(article.textContent ?? "")?.[1];
      if (frame === undefined || number === undefined || bottom < frame.top || top > frame.bottom) return [];
      return [[Number(number), top]];
    });
  });
}

/** Turns the wheel, and waits until nothing moves any more. */
async function wheel(page: Page, by: number): Promise<[number, number][]> {
  await page.mouse.wheel(0, by);
  let before = "";
  for (let same = 0; ;) {
    await page.waitForTimeout(50);
    const now = JSON.stringify(await shown(page));
    same = now === before ? same + 1 : 0;
    // Turning begins some frames after the wheel.
    if (same === 3) return JSON.parse(now) as [number, number][];
    before = now;
  }
}

test("read back to the beginning and on to the newest: no hole, and nothing jumps", async ({ world, browser }) => {
  const [alice, bob] = [await world.person("Alice"), await world.person("Bob")];
  await introduce(alice, bob);
  for (let n = 1; n <= MANY; n += 1) await bob.says(`No. ${n}${n % 7 === 0 ? " and some more words".repeat(9) : ""}`);
  const page = await enter(browser, alice);
  const jump = page.getByRole("button", { name: /^Jump to the latest/ });
  await expect.poll(async () => (await shown(page)).length).toBeGreaterThan(3);
  await jump.click({ timeout: 2000 }).catch(() => {});
  await expect(bubble(page, `No. ${MANY}`)).toBeVisible();
  await page.getByRole("region", { name: "Conversation with Bob" }).hover();

  for (const [way, until] of [
    [-1, 1],
    [1, MANY],
  ] as const) {
    let last = await shown(page);
    for (let step = 0; !last.some(([number]) => number === until); step += 1) {
      expect(step, "it comes to an end").toBeLessThan(600);
      const here = await wheel(page, way * STEP);
      const numbers = here.map(([number]) => number);
      // Each step overlaps the one before it, so a hole or a jump would be seen.
      expect(numbers).toEqual(numbers.map((_, at) => (numbers[0] ?? 0) + at));
      const [number, top] = last.find(([number]) => numbers.includes(number)) ?? [0, 0];
      expect(number, `something of ${JSON.stringify(last)} is still among ${numbers.join()}`).toBeGreaterThan(0);
      const moved = (here.find((one) => one[0] === number)?.[1] ?? 0) - top;
      expect(Math.abs(moved), "by as much as the wheel turned").toBeLessThanOrEqual(STEP + 2);
      expect(moved * way, "and not the other way").toBeLessThanOrEqual(2);
      last = here;
    }
  }

  await test.step("far back, what comes is counted; the own message leads to the newest", async () => {
    for (let step = 0; step < 60; step += 1) await page.mouse.wheel(0, -1500).then(() => page.waitForTimeout(30));
    await bob.says("While you were reading");
    await expect(page.getByRole("button", { name: "Jump to the latest message" })).toHaveCount(0);
    await expect(page.getByRole("button", { name: /^1 new message below/ })).toBeVisible();
    await say(page, "I am back");
    await expect(bubble(page, "I am back")).toBeVisible();
    await expect(bubble(page, "While you were reading")).toBeVisible();
    await expect(jump).toHaveCount(0);
  });
});

test("the list is as wide as it was dragged, also after a reload", async ({ world, browser }) => {
  const [alice, bob] = [await world.person("Alice"), await world.person("Bob")];
  await introduce(alice, bob);
  const page = await enter(browser, alice);
  const list = page.getByRole("complementary", { name: "Conversations" });
  const separator = page.getByRole("separator", { name: "Width of the list of conversations" });
  const width = () => list.evaluate((element) => Math.round(element.getBoundingClientRect().width));
  await expect(list.getByRole("button", { name: "Bob" })).toBeVisible();
  const usual = await width();
  const box = await separator.boundingBox();
  if (box === null) throw new Error("there is no separator");
  await page.mouse.move(box.x + box.width / 2, 300);
  await page.mouse.down();
  await page.mouse.move(box.x + box.width / 2 + 90, 320, { steps: 5 });
  await page.mouse.up();
  expect(await width()).toBe(usual + 90);
  await page.reload();
  await expect(list.getByRole("button", { name: "Bob" })).toBeVisible();
  expect(await width()).toBe(usual + 90);
  await separator.dblclick();
  expect(await width()).toBe(usual);
  await separator.focus();
  await page.keyboard.press("Home");
  await expect.poll(width).toBe(14 * 16);
});

test("on a phone a finger drawn to the side leads back to the list", async ({ world, browser }) => {
  const [alice, bob] = [await world.person("Alice"), await world.person("Bob")];
  await introduce(alice, bob);
  const page = await enter(browser, alice, { viewport: { width: 390, height: 780 }, hasTouch: true });
  await page.getByRole("complementary", { name: "Conversations" }).getByRole("button", { name: "Bob" }).tap();
  await expect(page.getByRole("heading", { level: 1, name: "Bob" })).toBeVisible();
  const cdp = await page.context().newCDPSession(page);
  // The events carry a finger's times, however slow the machine is: a draw of over 600 ms selects text.
  const begun = Date.now() / 1000;
  const touch = (type: "touchStart" | "touchMove" | "touchEnd", x: number, after: number) =>
    cdp.send("Input.dispatchTouchEvent", {
      type,
      touchPoints: type === "touchEnd" ? [] : [{ x, y: 400 }],
      timestamp: begun + after / 1000,
    });
  await touch("touchStart", 30, 0);
  await touch("touchMove", 120, 60);
  await touch("touchMove", 200, 120);
  await touch("touchEnd", 200, 180);
  await expect(page.getByRole("complementary", { name: "Conversations" })).toBeVisible();
  await expect(page.getByRole("heading", { level: 1, name: "Bob" })).toHaveCount(0);
});
