/** `:shortcode:` in the composer: what is offered for the name that is being written. */
import { begunAt, completions, shortcodes, type Begun, type Named } from "../text/emoji";

/** A text with the place where the next letter goes. */
export interface Written {
  text: string;
  caret: number;
}

export class Completion {
  /** What is offered; empty when nothing is. */
  offered = $state.raw<Named[]>([]);
  /** The one that Enter takes. */
  chosen = $state(0);
  #begun: Begun | null = null;
  #asked = 0;
  /** A name that the person does not want completed: Esc was pressed in it. */
  #declined = -1;

  /**
   * Looks at what is written. Returns the text with the emoji in it where a name was closed by its
   * second colon.
   */
  async look({ text, caret }: Written): Promise<Written | null> {
    const asked = ++this.#asked;
    const begun = begunAt(text, caret);
    if (begun === null || begun.from === this.#declined) {
      if (begun === null) this.#declined = -1;
      this.close();
      return null;
    }
    let all: Named[];
    try {
      all = await shortcodes();
    } catch {
      // Offline and never fetched: the name stays as it was typed.
      return null;
    }
    if (asked !== this.#asked) return null;
    this.#begun = begun;
    if (begun.closed) {
      const named = all.find(({ code }) => code === begun.name.toLowerCase());
      this.close();
      return named === undefined ? null : put(text, caret, begun, named);
    }
    this.offered = completions(all, begun.name);
    this.chosen = 0;
    return null;
  }

  /** The next or the one before, round and round. */
  step(by: 1 | -1): void {
    const many = this.offered.length;
    this.chosen = (this.chosen + by + many) % many;
  }

  /** Puts one of what is offered in the place of its name. */
  take({ text, caret }: Written, at = this.chosen): Written | null {
    const named = this.offered[at];
    const begun = this.#begun;
    this.close();
    return named === undefined || begun === null ? null : put(text, caret, begun, named);
  }

  /** The person wants what they typed. */
  decline(): void {
    this.#declined = this.#begun?.from ?? -1;
    this.close();
  }

  close(): void {
    this.#asked += 1;
    if (this.offered.length > 0) this.offered = [];
  }
}

function put(text: string, caret: number, begun: Begun, { unicode }: Named): Written {
  const before = text.slice(0, begun.from) + unicode;
  return { text: before + text.slice(caret), caret: before.length };
}
