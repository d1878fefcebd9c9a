/**
 * A conversation of very many messages: how long it takes to open, and whether scrolling through
 * all of it ever keeps the page busy for longer than 50 ms (the browser's own measure of a
 * long task). The profile is made by `long_history`; SOTTO_HISTORY names its folder.
 */
import { expect, type Page, test } from "@playwright/test";
import { createInterface } from "node:readline";
import { writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { type Child, end, start } from "../world/programs";
import { LONG, tasksDuring, told } from "./trace";

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

function report(while_: string, long: number[]): void {
  const longest = Math.max(0, ...long);
  figure(`longest task while ${while_}`, longest, "ms", "50 ms, what a person feels", longest / LONG);
  figure(`tasks over 50 ms while ${while_}`, long.length, "tasks", "", null);
}

/** Faster than anybody's: a screen and a half each frame. */
const RUSH = 1.5;
/** A hard fling on a screen of glass: eight screens a second. */
const FLING = 8 / 60;

/** So many screens each frame, until nothing moves or so many frames have passed. */
function scroll(page: Page, way: 1 | -1, most: number, each = RUSH): Promise<{ screens: number; frames: number }> {
  return page.evaluate(
    async ({ way, most, each }) => {
      const scroller = document.querySelector<HTMLElement>(".scroller[role=region]");
      if (scroller === null) throw new Error("nothing to scroll");
      let frames = 0;
      for (let still = 0; still < 120 && frames < (most ?? Infinity); frames += 1) {
        const from = scroller.scrollTop;
        scroller.scrollTop = Math.max(0, from + way * scroller.clientHeight * each);
        await new Promise(requestAnimationFrame);
        still = scroller.scrollTop === from ? still + 1 : 0;
      }
      return { screens: frames * each, frames };
    },
    { way, most: Number.isFinite(most) ? most : null, each },
  );
}

/** Alice's `sotto web`, and the address that lets one page in. */
async function alice(): Promise<{ program: Child; address: string }> {
  const program = start("sotto", ["web", "--data", data, "--profile", "alice"]);
  const first = await createInterface({ input: program.stdout })[Symbol.asyncIterator]().next();
  return { program, address: String(first.value).split(" ")[0] ?? "" };
}

const toNewest = (page: Page) => page.getByRole("button", { name: /^Jump to the latest/ });

test("a very long conversation, by the clock", async ({ page }) => {
  const { program, address } = await alice();
  try {
    await watchTasks(page);
    await page.goto(address);
    await page.getByLabel("Passphrase").fill("a long history");
    const begun = Date.now();
    await page.getByRole("button", { name: "Open" }).click();
    await expect(page.getByRole("article").last()).toBeVisible();
    figure(`open a profile with ${messages} messages, passphrase included`, Date.now() - begun, "ms", "", null);
    const opening = Math.max(0, ...(await tasks(page)));
    figure("longest task while it opens", opening, "ms", "50 ms, what a person feels", opening / LONG);

    await scroll(page, -1, 2000, FLING);
    report("2,000 frames are flung through", await tasks(page));
    await toNewest(page).click();
    await expect(toNewest(page)).toHaveCount(0);
    await tasks(page);

    const before = Date.now();
    const { screens, frames } = await scroll(page, -1, Infinity);
    const seconds = (Date.now() - before) / 1000;
    await expect(page.getByText("This is where your conversation begins.")).toBeVisible();
    report("all of it is scrolled", await tasks(page));
    figure("messages scrolled through", messages / seconds, "1/s", "", null);
    figure("frames a second while scrolling", frames / seconds, "1/s", "60, the screen", frames / seconds / 60);
    console.log(`${screens} screens in ${seconds.toFixed(1)} s`);

    await scroll(page, 1, 1000);
    report("1,000 frames of it are scrolled towards the newest", await tasks(page));
    await toNewest(page).click();
    await expect(toNewest(page)).toHaveCount(0);
    report("it jumps from there to the newest", await tasks(page));
  } finally {
    await end(program);
  }
});

// Watching costs time, and a busy machine takes some; so this counts the processor's alone.
test("a very long conversation, by the processor", async ({ page, browser }) => {
  const { program, address } = await alice();
  const lines: string[] = [];
  const watch = async (what: string, work: () => Promise<unknown>) => {
    const watched = await tasksDuring(browser, page, work);
    const worked = watched[0]?.worked ?? 0;
    figure(`most processor time of a task: ${what}`, worked, "ms", "50 ms, what a person feels", worked / LONG);
    lines.push(what, ...watched.slice(0, 5).map((task) => `  ${told(task)}`));
  };
  try {
    await page.goto(address);
    await page.getByLabel("Passphrase").fill("a long history");
    await watch("it opens", async () => {
      await page.getByRole("button", { name: "Open" }).click();
      await expect(page.getByRole("article").last()).toBeVisible();
      await page.waitForTimeout(500);
    });
    await watch("the first 400 frames back", () => scroll(page, -1, 400));
    await scroll(page, -1, 2500);
    await watch("400 frames, 2,900 frames back", () => scroll(page, -1, 400));
    await watch("400 frames towards the newest", () => scroll(page, 1, 400));
    await watch("a jump to the newest", async () => {
      await toNewest(page).click();
      await expect(toNewest(page)).toHaveCount(0);
    });
    writeFileSync(resolve(import.meta.dirname, "../results/longest-tasks.txt"), `${lines.join("\n")}\n`);
    console.log(lines.join("\n"));
  } finally {
    await end(program);
  }
});
