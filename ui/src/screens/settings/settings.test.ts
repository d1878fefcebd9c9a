import { render, screen } from "@testing-library/svelte";
import userEvent from "@testing-library/user-event";
import { beforeEach, expect, it } from "vitest";
import { App } from "../../model/app.svelte";
import { harbour } from "../../testing/world";
import type { StoryHost } from "../../testing/story_host";
import SettingsSheet from "./SettingsSheet.svelte";

let host: StoryHost;
let app: App;

beforeEach(async () => {
  host = harbour();
  app = new App(host);
  await app.open();
  if (app.stage.at !== "open") throw new Error("not open");
  render(SettingsSheet, { app, profile: app.stage.profile, onclose: () => {}, onshortcuts: () => {} });
});

const root = document.documentElement;

it("accent and density are seen at once, and remembered", async () => {
  await userEvent.click(screen.getByRole("radio", { name: "Plum" }));
  await userEvent.click(screen.getByRole("radio", { name: "Compact" }));
  expect([root.dataset.accent, root.dataset.density]).toEqual(["plum", "compact"]);
  expect([host.stored.get("accent"), host.stored.get("density")]).toEqual(["plum", "compact"]);
  const again = new App(host);
  await again.open();
  expect([again.settings.accent, again.settings.density]).toEqual(["plum", "compact"]);
  expect(screen.getByRole("radio", { name: "Plum" }).getAttribute("aria-checked")).toBe("true");
});

it("high contrast is a setting of its own", async () => {
  expect(root.dataset.contrast).toBeUndefined();
  await userEvent.click(screen.getByRole("switch", { name: "High contrast" }));
  expect(root.dataset.contrast).toBe("more");
  expect(host.stored.get("contrast")).toBe(true);
  await userEvent.click(screen.getByRole("switch", { name: "High contrast" }));
  expect(root.dataset.contrast).toBeUndefined();
});

it("what stands under a setting and is none of its values is not taken", async () => {
  host.stored.set("accent", "url(evil)");
  host.stored.set("density", 7);
  host.stored.set("contrast", "yes");
  await app.settings.load();
  expect([root.dataset.accent, root.dataset.density, root.dataset.contrast]).toEqual([
    "petrol",
    "comfortable",
    undefined,
  ]);
});
