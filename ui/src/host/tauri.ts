/** The app's own window: Tauri commands and one channel of events. Only this file knows Tauri. */
import { CONTRACT, type Published, type Start } from "@contract";
import { Channel, invoke } from "@tauri-apps/api/core";
import { Events } from "./events";
import type { Answer, Host, Link, Method, Params, SettingsStore } from "./host";
import { isProblem, problemOf, Refusal } from "./refusal";
import { words } from "../words";

export class TauriHost implements Host {
  readonly kind = "app";
  readonly settings: SettingsStore = {
    read: (name) => invoke<unknown>("read_setting", { name }).catch(() => undefined),
    write: (name, value) => invoke("write_setting", { name, value }),
  };
  readonly #events = new Events();

  static isHere(): boolean {
    return "__TAURI_INTERNALS__" in window;
  }

  async start(): Promise<Start> {
    const { contract } = await this.call("version", {});
    if (contract !== CONTRACT) throw new Refusal(words.problems.otherContract(contract, CONTRACT));
    const channel = new Channel<Published>();
    channel.onmessage = (published) => this.#events.tell(published);
    await this.#invoke("subscribe", { channel });
    return this.#invoke<Start>("start");
  }

  call<M extends Method>(method: M, params: Params<M>): Promise<Answer<M>> {
    return this.#events.during(method, this.#invoke<Answer<M>>("call", { method, params }));
  }

  onEvent(listener: (published: Published) => void): () => void {
    return this.#events.add(listener);
  }

  /** The window and its Rust side are one process: they end together. */
  onLink(_listener: (link: Link) => void): () => void {
    return () => {};
  }

  async #invoke<T>(command: string, args?: Record<string, unknown>): Promise<T> {
    try {
      return await invoke<T>(command, args);
    } catch (thrown) {
      throw isProblem(thrown) ? new Refusal(thrown) : new Refusal(problemOf(thrown));
    }
  }
}
