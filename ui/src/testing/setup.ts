/** What the components expect of a window and happy-dom does not bring. */
import { vi } from "vitest";

vi.stubGlobal("matchMedia", (query: string) => ({
  matches: query.includes("min-width"),
  media: query,
  addEventListener: () => {},
  removeEventListener: () => {},
}));
