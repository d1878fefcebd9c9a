/**
 * A conversation of very many messages: how long it takes to open, and whether scrolling back
 * through all of it ever keeps the page busy for longer than 50 ms (the browser's own measure of a
 * long task). The profile is made by `long_history`; SOTTO_HISTORY names its folder.
 */
import { expect, type Page, test } from "@playwright/test";
import { createInterface } from "node:readline";
import { end, start } from "../world/programs";

const data = process.env.SOTTO_HISTORY ?? "";
const messages = Number(process.env.SOTTO_HISTORY_MESSAGES ?? "100000");

function figure(name: string, value: number, unit: string, peer: string, ratio: number | null): void {
  console.log(JSON.stringify({ name, value: Math.round(value * 10) / 10, unit, peer, ratio }));
}

/** Tasks longer than 50 ms since the page was loaded, in milliseconds. */
async function watchTasks(page: Page): Promise<void> {
  await page.addInitScript(() => {
    const tasks: number[] = [];
    Object.assign(window, { tasks });
    new PerformanceObserver((list) => tasks.push(...list.getEntries().map(({ duration }) => duration))).observe({
      type: "longtask",
    });
  });
}

const tasks = (page: Page) => page.evaluate(() => (window as unknown as { tasks: number[] }).tasks.splice(0));

test("opening and scrolling a very long conversation", async ({ page }) => {
  const program = start("sotto", ["web", "--data", data, "--profile", "alice"]);
  try {
    const [address] = (await createInterface({ input: program.stdout })[Symbol.asyncIterator]().next()).value.split(
      " ",
    );
    await watchTasks(page);
    await page.goto(address);
    await page.getByLabel("Passphrase").fill("a long history");
    const begun = Date.now();
    await page.getByRole("button", { name: "Open" }).click();
    await expect(page.getByRole("article").last()).toBeVisible();
    figure(`open a profile with ${messages} messages, passphrase included`, Date.now() - begun, "ms", "", null);
    const opening = Math.max(0, ...(await tasks(page)));
    figure("longest task while it opens", opening, "ms", "50 ms, what a person feels", opening / 50);

    const before = Date.now();
    const { pages, frames } = await page.evaluate(async () => {
      const scroller = document.querySelector<HTMLElement>(".scroller[role=region]");
      if (scroller === null) throw new Error("nothing to scroll");
      let frames = 0;
      let pages = 0;
      let still = 0;
      // As fast as the wheel of a hasty person: a screen and a half each frame, until nothing moves.
      while (still < 120) {
        const from = scroller.scrollTop;
        scroller.scrollTop = Math.max(0, from - scroller.clientHeight * 1.5);
        await new Promise(requestAnimationFrame);
        frames += 1;
        still = scroller.scrollTop === 0 && from === 0 ? still + 1 : 0;
        pages += 1.5;
      }
      return { pages, frames };
    });
    const seconds = (Date.now() - before) / 1000;
    await expect(page.getByText("This is where your conversation begins.")).toBeVisible();
    const long = await tasks(page);
    const longest = Math.max(0, ...long);
    figure("longest task while all of it is scrolled", longest, "ms", "50 ms, what a person feels", longest / 50);
    figure("tasks over 50 ms while all of it is scrolled", long.length, "tasks", "", null);
    figure("messages scrolled through", messages / seconds, "1/s", "", null);
    figure("frames a second while scrolling", frames / seconds, "1/s", "60, the screen", frames / seconds / 60);
    console.log(`${pages} screens in ${seconds.toFixed(1)} s`);
  } finally {
    await end(program);
  }
});
