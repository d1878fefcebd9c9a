/** Waiting for what comes in its own time. */
import { setTimeout as wait } from "node:timers/promises";

const PATIENCE = 20_000;

/** Tries until it succeeds; the failure at the end names `what`. */
export async function until<T>(what: string, attempt: () => Promise<T>): Promise<T> {
  const deadline = Date.now() + PATIENCE;
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (Date.now() > deadline) throw new Error(`no ${what} within ${PATIENCE / 1000} s`, { cause: error });
      await wait(50);
    }
  }
}
