import { fireEvent, render, screen } from "@testing-library/svelte";
import userEvent from "@testing-library/user-event";
import { beforeEach, expect, it } from "vitest";
import { LIST_WIDTH, Settings } from "../../model/settings.svelte";
import { StoryHost } from "../../testing/story_host";
import Separator from "./Separator.svelte";

let host: StoryHost;
let settings: Settings;
let list: HTMLElement;

beforeEach(async () => {
  host = new StoryHost();
  settings = new Settings(host);
  await settings.load();
  list = document.createElement("div");
  document.body.append(list);
  // As wide as the settings say, at 16 pixels a rem; 300 pixels before anybody chose.
  list.getBoundingClientRect = () =>
    new DOMRect(0, 0, settings.listWidth === null ? 300 : settings.listWidth * 16, 700);
  document.documentElement.style.fontSize = "16px";
});

const separator = () => screen.getByRole("separator", { name: "Width of the list of conversations" });
const shown = () => Number(separator().getAttribute("aria-valuenow"));

it("is moved by keys within its bounds, says how wide, and is remembered", async () => {
  render(Separator, { settings, list });
  expect(shown()).toBeCloseTo(18.8, 1);
  separator().focus();
  await userEvent.keyboard("{ArrowRight}");
  expect(settings.listWidth).toBe(19.75);
  expect(host.stored.get("list_width")).toBe(19.75);
  await userEvent.keyboard("{Home}{ArrowLeft}");
  expect(shown()).toBe(LIST_WIDTH.least);
  await userEvent.keyboard("{End}{ArrowRight}");
  expect(shown()).toBe(LIST_WIDTH.most);
  const again = new Settings(host);
  await again.load();
  expect(again.listWidth).toBe(LIST_WIDTH.most);
  await userEvent.keyboard("{Enter}");
  expect(host.stored.get("list_width")).toBeNull();
});

it("follows the pointer, keeps where it was let go, and a double click resets it", async () => {
  render(Separator, { settings, list });
  separator().setPointerCapture = () => {};
  await fireEvent.pointerDown(separator(), { clientX: 302, button: 0, pointerId: 1 });
  await fireEvent.pointerMove(separator(), { clientX: 402 });
  expect(settings.listWidth).toBe(25);
  expect(host.stored.has("list_width")).toBe(false);
  await fireEvent.pointerUp(separator());
  expect(host.stored.get("list_width")).toBe(25);
  await fireEvent.pointerMove(separator(), { clientX: 500 });
  expect(settings.listWidth).toBe(25);
  await fireEvent.dblClick(separator());
  expect(settings.listWidth).toBeNull();
});

it("in a right-to-left layout the list grows to the left", async () => {
  list.style.direction = "rtl";
  list.getBoundingClientRect = () => {
    const width = settings.listWidth === null ? 300 : settings.listWidth * 16;
    return new DOMRect(1000 - width, 0, width, 700);
  };
  render(Separator, { settings, list });
  separator().focus();
  await userEvent.keyboard("{ArrowLeft}");
  expect(settings.listWidth).toBe(19.75);
  separator().setPointerCapture = () => {};
  await fireEvent.pointerDown(separator(), { clientX: 684, button: 0, pointerId: 1 });
  await fireEvent.pointerMove(separator(), { clientX: 600 });
  expect(settings.listWidth).toBe(25);
});

it("a width that no screen ever wrote is brought into its bounds, or is none", async () => {
  for (const [stored, width] of [
    [9999, LIST_WIDTH.most],
    [-1, LIST_WIDTH.least],
    ["wide", null],
  ] as const) {
    host.stored.set("list_width", stored);
    await settings.load();
    expect(settings.listWidth).toBe(width);
  }
});
