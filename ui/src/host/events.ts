/**
 * Events in step with answers. Answers and events come on different ways, and an event may overtake
 * the answer to something that was read before it. A screen that then took the answer would go back
 * to what was. So what comes while something is being read is told after its answer, in its order.
 */
import type { Published, Query } from "@contract";
import { Listeners } from "./listeners";
import type { Method } from "./host";

/** Every call that reads; the compiler says when one is missing. */
const READS: Record<Query["read"], true> = {
  account: true,
  conversations: true,
  conversation: true,
  messages: true,
  message: true,
  sent_as: true,
  details: true,
  requests: true,
  invites: true,
  recovery_code: true,
  relays: true,
};

interface Held {
  published: Published;
  /** What was being read when it came. */
  waits: Set<object>;
}

export class Events {
  readonly #listeners = new Listeners<Published>();
  readonly #reading = new Set<object>();
  readonly #held: Held[] = [];

  /** Returns how to stop listening. */
  add(listener: (published: Published) => void): () => void {
    return this.#listeners.add(listener);
  }

  /** Takes an event that has come. */
  tell(published: Published): void {
    if (this.#reading.size === 0 && this.#held.length === 0) this.#listeners.tell(published);
    else this.#held.push({ published, waits: new Set(this.#reading) });
  }

  /** Passes the answer to a call on, and holds back what comes before it. */
  during<T>(method: Method, answer: Promise<T>): Promise<T> {
    if (!(method in READS)) return answer;
    const read = {};
    this.#reading.add(read);
    const done = (): void => {
      this.#reading.delete(read);
      for (const { waits } of this.#held) waits.delete(read);
      // Whoever waits for the answer has it first.
      setTimeout(() => this.#release(), 0);
    };
    answer.then(done, done);
    return answer;
  }

  #release(): void {
    while (this.#held[0]?.waits.size === 0) {
      const next = this.#held.shift();
      if (next !== undefined) this.#listeners.tell(next.published);
    }
  }
}
