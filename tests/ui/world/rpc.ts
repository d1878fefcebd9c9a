/** JSON-RPC with a program of the project, one JSON a line. */
import { createInterface } from "node:readline";
import type { Child } from "./programs";

interface Message {
  id?: number;
  method?: string;
  params?: Record<string, unknown>;
  result?: unknown;
  error?: { message: string };
}

type Check = (message: Message) => boolean;

export class Rpc {
  readonly #seen: Message[] = [];
  readonly #waiting: { check: Check; resolve: (message: Message) => void }[] = [];
  #asked = 0;

  constructor(readonly child: Child) {
    createInterface({ input: child.stdout }).on("line", (line) => {
      const message = JSON.parse(line) as Message;
      const at = this.#waiting.findIndex(({ check }) => check(message));
      if (at < 0) this.#seen.push(message);
      else this.#waiting.splice(at, 1)[0]?.resolve(message);
    });
  }

  async call<T = Record<string, unknown>>(method: string, params: object): Promise<T> {
    this.#asked += 1;
    const id = this.#asked;
    this.child.stdin.write(`${JSON.stringify({ jsonrpc: "2.0", id, method, params })}\n`);
    const answer = await this.#next((message) => message.id === id, method);
    if (answer.error !== undefined) throw new Error(`${method}: ${JSON.stringify(answer.error)}`);
    return answer.result as T;
  }

  /** The next notification of this method, among those seen or still to come. */
  async notification(method: string): Promise<Record<string, unknown>> {
    return (await this.#next((message) => message.method === method, method)).params ?? {};
  }

  /** The next event of this name. */
  async event<T = Record<string, unknown>>(name: string): Promise<T> {
    const named: Check = ({ method, params }) =>
      method === "event" && (params?.event as { event?: string } | undefined)?.event === name;
    return ((await this.#next(named, name)).params?.event ?? {}) as T;
  }

  #next(check: Check, what: string): Promise<Message> {
    const at = this.#seen.findIndex(check);
    const seen = at < 0 ? undefined : this.#seen.splice(at, 1)[0];
    if (seen !== undefined) return Promise.resolve(seen);
    return new Promise((resolve, reject) => {
      const late = setTimeout(() => reject(new Error(`no ${what} within 30 s`)), 30_000);
      this.#waiting.push({
        check,
        resolve: (message) => {
          clearTimeout(late);
          resolve(message);
        },
      });
    });
  }
}
