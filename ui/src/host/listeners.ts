/** Who wants to be told. One that throws does not keep it from the others. */
export class Listeners<T> {
  readonly #all = new Set<(value: T) => void>();

  /** Returns how to stop listening. */
  add(listener: (value: T) => void): () => void {
    this.#all.add(listener);
    return () => this.#all.delete(listener);
  }

  tell(value: T): void {
    for (const listener of this.#all) {
      try {
        listener(value);
      } catch (thrown) {
        reportError(thrown);
      }
    }
  }
}
