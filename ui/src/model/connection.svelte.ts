/** How the ways out stand: to the relays, and to the Rust side itself. */
import type { Problem, RelayStatus } from "@contract";
import type { Link } from "../host";

/** So long nothing has failed when trouble with the storage counts as over, in milliseconds. */
const CALM = 3000;

export class Connection {
  relays = $state.raw<RelayStatus[]>([]);
  link = $state<Link>("standing");
  /** What arrives can't be stored at the moment. */
  storage = $state.raw<Problem | null>(null);
  #settling: ReturnType<typeof setTimeout> | undefined;
  #stored = true;
  readonly offline = $derived(this.relays.find(({ state }) => state === "offline") ?? null);
  readonly connecting = $derived(this.relays.some(({ state }) => state === "connecting"));

  take(status: RelayStatus): void {
    const { relay, state, problem, retry_in_ms } = status;
    const fresh = { relay, state, problem, retry_in_ms };
    const at = this.relays.findIndex((one) => one.relay === relay);
    // A relay that keeps failing goes back and forth between trying and waiting; the line on the
    // screen stays until it is connected.
    if (at >= 0 && state === "connecting" && this.relays[at]?.state === "offline") return;
    this.relays = at < 0 ? [...this.relays, fresh] : this.relays.with(at, fresh);
    this.#settle();
  }
  /**
   * What arrives can't be stored, or something could be again. Small things fit on a disk on which
   * a message does not, so trouble is over only when there is a connection and it stays away.
   */
  takeStorage(problem: Problem | null): void {
    this.#stored = problem === null;
    clearTimeout(this.#settling);
    if (problem !== null) this.storage = problem;
    else this.#settle();
  }

  #settle(): void {
    clearTimeout(this.#settling);
    if (this.storage === null || !this.#stored) return;
    if (this.relays.every(({ state }) => state === "connected"))
      this.#settling = setTimeout(() => (this.storage = null), CALM);
  }
}
