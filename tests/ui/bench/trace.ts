/**
 * What Chromium's own trace says about long tasks: how long, how much of it the processor really
 * worked (a busy machine stretches the former alone), and on what.
 */
import type { Browser, Page } from "@playwright/test";

/** What a person feels, in milliseconds; the browser calls a longer task long. */
export const LONG = 50;

interface TraceEvent {
  name: string;
  ph: string;
  pid: number;
  tid: number;
  ts: number;
  dur?: number;
  tdur?: number;
  args?: { name?: string; data?: { type?: string } };
}

export interface Task {
  /** Milliseconds since the first task of the page. */
  at: number;
  /** Milliseconds by the clock, and of the processor. */
  took: number;
  worked: number;
  /** Milliseconds by what it did, without what that called in turn. */
  on: Record<string, number>;
}

/** The tasks of the page's main thread while `work` is done, the longest by processor time first. */
export async function tasksDuring(browser: Browser, page: Page, work: () => Promise<unknown>): Promise<Task[]> {
  await browser.startTracing(page, {
    categories: [
      "-*",
      "toplevel",
      "disabled-by-default-devtools.timeline",
      "devtools.timeline",
      "v8",
      "blink.user_timing",
    ],
  });
  await work();
  const { traceEvents } = JSON.parse((await browser.stopTracing()).toString()) as { traceEvents: TraceEvent[] };
  return tasks(traceEvents);
}

function tasks(events: TraceEvent[]): Task[] {
  const renderers = events.filter(({ name, args }) => name === "thread_name" && args?.name === "CrRendererMain");
  const whole = events.filter(({ ph, dur }) => ph === "X" && dur !== undefined);
  // A browser has several; the page is the one that worked most.
  const [main] = renderers
    .map(({ pid, tid }) => whole.filter((event) => event.pid === pid && event.tid === tid))
    .sort((a, b) => busy(b) - busy(a));
  if (main === undefined) return [];
  main.sort((a, b) => a.ts - b.ts || (b.dur ?? 0) - (a.dur ?? 0));
  const found: Task[] = [];
  const open: { end: number; name: string; left: number }[] = [];
  let task: Task | null = null;
  const close = (until: number) => {
    while (open.length > 0 && (open.at(-1)?.end ?? Infinity) <= until) {
      const done = open.pop();
      if (done !== undefined && task !== null) task.on[done.name] = (task.on[done.name] ?? 0) + done.left / 1000;
      if (open.length === 0) task = null;
    }
  };
  for (const { name, ts, dur = 0, tdur = 0, args } of main) {
    close(ts);
    const outer = open.at(-1);
    if (outer === undefined) {
      task = { at: (ts - (main[0]?.ts ?? 0)) / 1000, took: dur / 1000, worked: tdur / 1000, on: {} };
      found.push(task);
    } else {
      outer.left -= dur;
    }
    const kind = args?.data?.type;
    open.push({ end: ts + dur, name: kind === undefined ? name : `${name} ${kind}`, left: dur });
  }
  close(Infinity);
  return found.sort((a, b) => b.worked - a.worked);
}

function busy(events: TraceEvent[]): number {
  return events.reduce((sum, { tdur = 0 }) => sum + tdur, 0);
}

/** One line of what a task did most. */
export function told({ at, took, worked, on }: Task): string {
  const most = Object.entries(on)
    .sort(([, a], [, b]) => b - a)
    .slice(0, 6)
    .map(([name, ms]) => `${name} ${ms.toFixed(1)}`);
  return `at ${(at / 1000).toFixed(1)} s, took ${took.toFixed(1)} ms, worked ${worked.toFixed(1)} ms: ${most.join(", ")}`;
}
