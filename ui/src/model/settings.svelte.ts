/** How this screen looks: kept by the host, applied to the document at once. */
import type { Host } from "../host";

export type Theme = "system" | "light" | "dark";
export const THEMES: readonly Theme[] = ["system", "light", "dark"];
/** Text sizes in percent. */
export const TEXT_SIZES: readonly number[] = [80, 90, 100, 115, 130, 150, 175, 200];

export class Settings {
  #theme = $state<Theme>("system");
  #textSize = $state(100);

  constructor(readonly host: Host) {}

  async load(): Promise<void> {
    const [theme, size] = await Promise.all([this.host.settings.read("theme"), this.host.settings.read("text_size")]);
    if (THEMES.includes(theme as Theme)) this.#theme = theme as Theme;
    if (TEXT_SIZES.includes(size as number)) this.#textSize = size as number;
    this.#apply();
  }

  get theme(): Theme {
    return this.#theme;
  }

  set theme(theme: Theme) {
    this.#theme = theme;
    this.#apply();
    void this.host.settings.write("theme", theme);
  }

  get textSize(): number {
    return this.#textSize;
  }

  set textSize(percent: number) {
    this.#textSize = percent;
    this.#apply();
    void this.host.settings.write("text_size", percent);
  }

  #apply(): void {
    const root = document.documentElement;
    if (this.#theme === "system") delete root.dataset.theme;
    else root.dataset.theme = this.#theme;
    root.style.setProperty("--text-scale", String(this.#textSize / 100));
  }
}
