/** How this screen looks: kept by the host, applied to the document at once. */
import type { Host } from "../host";

export type Theme = "system" | "light" | "dark";
export const THEMES: readonly Theme[] = ["system", "light", "dark"];
export type Density = "comfortable" | "compact";
export const DENSITIES: readonly Density[] = ["comfortable", "compact"];
/** One's own messages and what can be pressed. Green, yellow and red belong to the shield. */
export type Accent = "petrol" | "blue" | "violet" | "plum" | "slate";
export const ACCENTS: readonly Accent[] = ["petrol", "blue", "violet", "plum", "slate"];
/** Text sizes in percent. */
export const TEXT_SIZES: readonly number[] = [80, 90, 100, 115, 130, 150, 175, 200];
/** Width of the list of conversations, in rem. */
export const LIST_WIDTH = { least: 14, most: 32 } as const;

export class Settings {
  #theme = $state<Theme>("system");
  #textSize = $state(100);
  #density = $state<Density>("comfortable");
  #accent = $state<Accent>("petrol");
  #contrast = $state(false);
  #listWidth = $state<number | null>(null);
  readonly #systemContrast = matchMedia("(prefers-contrast: more)");

  constructor(readonly host: Host) {
    this.#systemContrast.addEventListener("change", () => this.#apply());
  }

  async load(): Promise<void> {
    const names = ["theme", "text_size", "density", "accent", "contrast", "list_width"];
    const [theme, size, density, accent, contrast, width] = await Promise.all(
      names.map((name) => this.host.settings.read(name)),
    );
    this.#theme = THEMES.find((one) => one === theme) ?? "system";
    this.#textSize = TEXT_SIZES.find((one) => one === size) ?? 100;
    this.#density = DENSITIES.find((one) => one === density) ?? "comfortable";
    this.#accent = ACCENTS.find((one) => one === accent) ?? "petrol";
    this.#contrast = contrast === true;
    this.#listWidth = typeof width === "number" ? within(width) : null;
    this.#apply();
  }

  get theme(): Theme {
    return this.#theme;
  }

  set theme(theme: Theme) {
    this.#theme = theme;
    this.#keep("theme", theme);
  }

  get textSize(): number {
    return this.#textSize;
  }

  set textSize(percent: number) {
    this.#textSize = percent;
    this.#keep("text_size", percent);
  }

  get density(): Density {
    return this.#density;
  }

  set density(density: Density) {
    this.#density = density;
    this.#keep("density", density);
  }

  get accent(): Accent {
    return this.#accent;
  }

  set accent(accent: Accent) {
    this.#accent = accent;
    this.#keep("accent", accent);
  }

  /** High contrast, whatever the system says; what the system asks for is done in any case. */
  get contrast(): boolean {
    return this.#contrast;
  }

  set contrast(more: boolean) {
    this.#contrast = more;
    this.#keep("contrast", more);
  }

  /** Width of the list of conversations in rem; none as long as nobody has chosen one. */
  get listWidth(): number | null {
    return this.#listWidth;
  }

  /** Follows the pointer; kept by {@link keepListWidth}. */
  set listWidth(rem: number | null) {
    this.#listWidth = rem === null ? null : within(rem);
  }

  keepListWidth(): void {
    this.#keep("list_width", this.#listWidth);
  }

  #keep(name: string, value: unknown): void {
    this.#apply();
    void this.host.settings.write(name, value);
  }

  #apply(): void {
    const root = document.documentElement;
    if (this.#theme === "system") delete root.dataset.theme;
    else root.dataset.theme = this.#theme;
    root.dataset.density = this.#density;
    root.dataset.accent = this.#accent;
    if (this.#contrast || this.#systemContrast.matches) root.dataset.contrast = "more";
    else delete root.dataset.contrast;
    root.style.setProperty("--text-scale", String(this.#textSize / 100));
  }
}

function within(rem: number): number {
  return Math.round(Math.min(LIST_WIDTH.most, Math.max(LIST_WIDTH.least, rem)) * 100) / 100;
}
