/** A page in a browser: JSON-RPC over a WebSocket to `sotto web` on this machine. */
import { CONTRACT, type Published, type Start } from "@contract";
import { Events } from "./events";
import type { Answer, Host, Link, Method, Params, SettingsStore } from "./host";
import { Listeners } from "./listeners";
import { isProblem, Refusal } from "./refusal";
import { forget, session, shareWithOtherTabs } from "./session";
import { words } from "../words";

/** Pauses before the next attempt, in milliseconds; the last one repeats. */
const PAUSES = [100, 300, 1000, 2000, 5000];
/** Longest message that the host takes, in bytes: what is longer would only cut the connection. */
const LONGEST = 512 * 1024;
/** What a screen does itself with such a refusal: wait, look at what happened, try again. */
export const HOST_LOST = "host_lost";

interface Waiting {
  resolve(answer: unknown): void;
  reject(refusal: Refusal): void;
}

export class WebHost implements Host {
  readonly kind = "browser";
  readonly settings: SettingsStore = new LocalSettings();
  readonly #events = new Events();
  readonly #links = new Listeners<Link>();
  readonly #waiting = new Map<number, Waiting>();
  #asked = 0;
  #socket: WebSocket | null = null;

  async start(): Promise<Start> {
    const mine = await session();
    shareWithOtherTabs();
    return this.#connect(mine);
  }

  call<M extends Method>(method: M, params: Params<M>): Promise<Answer<M>> {
    return this.#events.during(method, this.#ask(method, params) as Promise<Answer<M>>);
  }

  onEvent(listener: (published: Published) => void): () => void {
    return this.#events.add(listener);
  }

  onLink(listener: (link: Link) => void): () => void {
    return this.#links.add(listener);
  }

  async #connect(mine: string): Promise<Start> {
    const socket = await open(`ws://${location.host}/contract`);
    this.#socket = socket;
    socket.onmessage = ({ data }) => this.#take(String(data));
    socket.onclose = () => this.#lost(socket, mine);
    try {
      return (await this.#ask("enter", { session: mine, contract: CONTRACT })) as Start;
    } catch (thrown) {
      if (thrown instanceof Refusal && thrown.code === "session_unknown") forget();
      socket.onclose = null;
      socket.close();
      throw thrown;
    }
  }

  #ask(method: string, params: object): Promise<unknown> {
    const socket = this.#socket;
    if (socket === null || socket.readyState !== WebSocket.OPEN) {
      return Promise.reject(new Refusal({ code: HOST_LOST, ...words.problems.hostLost }));
    }
    this.#asked += 1;
    const id = this.#asked;
    const line = JSON.stringify({ jsonrpc: "2.0", id, method, params });
    // A character takes at most three bytes of UTF-8, so most lines need no counting.
    if (line.length * 3 > LONGEST && new TextEncoder().encode(line).length > LONGEST) {
      return Promise.reject(new Refusal(words.problems.tooLongForHost));
    }
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      socket.send(line);
    });
  }

  #take(text: string): void {
    const message = JSON.parse(text) as {
      id?: number | null;
      method?: string;
      params?: unknown;
      result?: unknown;
      error?: { message: string; data?: unknown };
    };
    if (message.method === "event") {
      this.#events.tell(message.params as Published);
      return;
    }
    const waiting = this.#waiting.get(Number(message.id));
    if (waiting === undefined) return;
    this.#waiting.delete(Number(message.id));
    if (message.error === undefined) {
      waiting.resolve(message.result);
    } else {
      const data = message.error.data;
      const problem = isProblem(data) ? data : { code: "host", ...words.problems.screen(message.error.message) };
      waiting.reject(new Refusal(problem));
    }
  }

  #lost(socket: WebSocket, mine: string): void {
    if (this.#socket !== socket) return;
    this.#socket = null;
    const refusal = new Refusal({ code: HOST_LOST, ...words.problems.hostLost });
    const waiting = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const one of waiting) one.reject(refusal);
    this.#links.tell("lost");
    void this.#again(mine, 0);
  }

  async #again(mine: string, attempt: number): Promise<void> {
    const pause = PAUSES[Math.min(attempt, PAUSES.length - 1)] ?? 5000;
    await new Promise((resolve) => setTimeout(resolve, pause));
    try {
      await this.#connect(mine);
      this.#links.tell("standing");
    } catch (thrown) {
      if (thrown instanceof Refusal && thrown.code === "session_unknown") this.#links.tell("ended");
      else void this.#again(mine, attempt + 1);
    }
  }
}

function open(address: string): Promise<WebSocket> {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(address);
    socket.onopen = () => resolve(socket);
    socket.onerror = () => reject(new Refusal(words.problems.hostUnreachable));
  });
}

/** The browser's own store: settings alone, never a name, a text or a key. */
class LocalSettings implements SettingsStore {
  async read(name: string): Promise<unknown> {
    try {
      return JSON.parse(localStorage.getItem(`sotto.${name}`) ?? "null") ?? undefined;
    } catch {
      return undefined;
    }
  }

  async write(name: string, value: unknown): Promise<void> {
    localStorage.setItem(`sotto.${name}`, JSON.stringify(value));
  }
}
