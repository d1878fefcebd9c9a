/** What is being written in a conversation. Kept as a draft, encrypted, by the engine. */
import type { Problem } from "@contract";
import { HOST_LOST, problemOf } from "../host";
import type { Log } from "./log.svelte";

/** Longest message in bytes of UTF-8 (the contract's). */
export const LONGEST = 65_536;
/** Pause after the last letter before the draft is kept, in milliseconds. */
const CALM = 400;
/** Typing is told at most this often, and ends after this long without a letter, in milliseconds. */
const TYPING_AGAIN = 3000;
const TYPING_ENDS = 5000;

export class Composer {
  #text = $state("");
  problem = $state.raw<Problem | null>(null);
  /** Counts how often the person wanted to be led back to the field. */
  wanted = $state(0);
  readonly bytes = $derived(bytesOf(this.#text));
  readonly tooLong = $derived(this.bytes > LONGEST);
  /** A text whose answer was lost is looked for; until then nothing is sent a second time. */
  #looking = $state(false);
  /** The draft as the engine has it. */
  #kept = "";
  #touched = false;
  #keeping: ReturnType<typeof setTimeout> | undefined;
  #typingEnds: ReturnType<typeof setTimeout> | undefined;
  #toldTyping = 0;

  /** Drafts and messages on their way to the engine: what it tells meanwhile is older than what stands here. */
  #handing = 0;

  constructor(readonly log: Log) {
    this.#kept = log.view?.draft ?? "";
    const unkept = this.#unkept.get(log.conversation);
    this.#text = unkept ?? this.#kept;
    if (unkept !== undefined) this.#keepSoon();
  }

  /** What the engine does not have yet, or can't have: it outlives this conversation's turn on the screen. */
  get #unkept(): Map<string, string> {
    return this.log.profile.unkept;
  }

  get text(): string {
    return this.#text;
  }

  set text(text: string) {
    this.#text = text;
    this.problem = null;
    this.#keepSoon();
    this.#tellTyping(text.trim() !== "");
  }

  #keepSoon(): void {
    this.#touched = true;
    clearTimeout(this.#keeping);
    this.#keeping = setTimeout(() => this.keep(), CALM);
  }

  /** The person is to write here next. */
  focus(): void {
    this.wanted += 1;
  }

  get canSend(): boolean {
    return this.#text.trim() !== "" && !this.tooLong && !this.#looking;
  }

  /** The draft changed somewhere else, in another tab: followed unless the person writes here. */
  follow(draft: string): void {
    if (this.#touched || this.#handing > 0 || draft === this.#kept) return;
    this.#text = this.#kept = draft;
  }

  /** Hands the draft to the engine now. What is too long for a draft stays with the profile. */
  keep(): void {
    clearTimeout(this.#keeping);
    const { conversation, profile } = this.log;
    const text = this.#text;
    this.#touched = this.tooLong;
    if (this.tooLong) {
      this.#unkept.set(conversation, text);
      return;
    }
    if (text === this.#kept) {
      this.#unkept.delete(conversation);
      return;
    }
    this.#kept = text;
    this.#unkept.set(conversation, text);
    this.#hand(profile.call("set_draft", { conversation, text })).then(
      () => {
        if (this.#unkept.get(conversation) === text) this.#unkept.delete(conversation);
      },
      (thrown: unknown) => {
        // What stands here is newer than any draft that comes from there.
        this.#kept = "\u0000";
        this.#touched = true;
        const problem = problemOf(thrown);
        if (problem.code !== HOST_LOST) this.problem = problem;
      },
    );
  }

  #hand<T>(work: Promise<T>): Promise<T> {
    this.#handing += 1;
    return work.finally(() => (this.#handing -= 1));
  }

  leave(): void {
    this.keep();
    this.#tellTyping(false);
  }

  /** Sends what is written. The field is free at once; what is refused comes back into it. */
  async send(): Promise<void> {
    if (!this.canSend) return;
    const text = this.#text;
    const before = Date.now();
    this.#text = this.#kept = "";
    this.#touched = false;
    this.#unkept.delete(this.log.conversation);
    this.problem = null;
    clearTimeout(this.#keeping);
    clearTimeout(this.#typingEnds);
    this.#toldTyping = 0;
    try {
      await this.#hand(this.log.profile.call("send_text", { conversation: this.log.conversation, text }));
    } catch (thrown) {
      const problem = problemOf(thrown);
      this.#text = this.#text === "" ? text : `${text}\n${this.#text}`;
      this.#touched = true;
      this.#kept = "\u0000";
      this.#unkept.set(this.log.conversation, this.#text);
      this.problem = problem;
      if (problem.code === HOST_LOST) await this.#settle(text, before);
      else this.keep();
    }
  }

  /** The answer was lost with the host. The text stays in the field until the conversation tells
   * that it was taken: the host may never come back. */
  async #settle(text: string, since: number): Promise<void> {
    this.#looking = true;
    try {
      if (await this.#wasSent(text, since)) {
        if (this.#text === text) this.#text = "";
        else if (this.#text.startsWith(`${text}\n`)) this.#text = this.#text.slice(text.length + 1);
        this.problem = null;
      }
    } catch (thrown) {
      this.problem = problemOf(thrown);
    }
    this.#looking = false;
    this.keep();
  }

  async #wasSent(text: string, since: number): Promise<boolean> {
    await this.#hostIsBack(this.log.profile.connection.link === "standing");
    for (;;) {
      try {
        const { messages } = await this.log.profile.call("messages", {
          conversation: this.log.conversation,
          limit: 50,
        });
        return messages.some(
          ({ author, body, sent }) =>
            author === "me" && sent >= since - 1000 && body.kind === "text" && body.text === text,
        );
      } catch (thrown) {
        if (problemOf(thrown).code !== HOST_LOST) throw thrown;
        await this.#hostIsBack(false);
      }
    }
  }

  #hostIsBack(already: boolean): Promise<void> {
    if (already) return Promise.resolve();
    return new Promise((resolve) => {
      const stop = this.log.profile.host.onLink((link) => {
        if (link !== "standing") return;
        stop();
        resolve();
      });
    });
  }

  #tellTyping(typing: boolean): void {
    clearTimeout(this.#typingEnds);
    const now = Date.now();
    const told = this.#toldTyping !== 0;
    if (typing) this.#typingEnds = setTimeout(() => this.#tellTyping(false), TYPING_ENDS);
    if (typing ? now - this.#toldTyping < TYPING_AGAIN : !told) return;
    this.#toldTyping = typing ? now : 0;
    // A signal that can't be given is no reason to interrupt somebody.
    this.log.profile.call("typing", { conversation: this.log.conversation, typing }).catch(() => {});
  }
}

const encoder = new TextEncoder();

/** Length in UTF-8; counted only where it can matter. */
function bytesOf(text: string): number {
  return text.length * 3 <= LONGEST ? text.length : encoder.encode(text).length;
}
