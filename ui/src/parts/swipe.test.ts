import { expect, it, vi } from "vitest";
import { swipeBack } from "./swipe";

/** A finger from one place to another, in so many milliseconds. */
function draw(element: HTMLElement, from: [number, number], to: [number, number], took = 200, fingers = 1): void {
  const touch = ([clientX, clientY]: [number, number]) => ({ clientX, clientY });
  const event = (name: string, at: number, more: object) => {
    const made = Object.assign(new Event(name), more);
    Object.defineProperty(made, "timeStamp", { value: at });
    element.dispatchEvent(made);
  };
  event("touchstart", 1000, { touches: Array.from({ length: fingers }, () => touch(from)) });
  event("touchend", 1000 + took, { touches: [], changedTouches: [touch(to)] });
}

function place(direction: string): [HTMLElement, ReturnType<typeof vi.fn>] {
  const element = document.createElement("div");
  element.style.direction = direction;
  document.body.append(element);
  const back = vi.fn();
  swipeBack(back)(element);
  return [element, back];
}

it("a quick, straight, long draw in the direction of reading goes back, and nothing else", () => {
  const [element, back] = place("ltr");
  draw(element, [20, 300], [60, 300]);
  draw(element, [200, 300], [20, 300]);
  draw(element, [20, 300], [140, 420]);
  draw(element, [20, 300], [140, 300], 900);
  draw(element, [20, 300], [140, 300], 200, 2);
  expect(back).not.toHaveBeenCalled();
  draw(element, [20, 300], [140, 320]);
  expect(back).toHaveBeenCalledTimes(1);
});

it("is mirrored where reading is", () => {
  const [element, back] = place("rtl");
  draw(element, [20, 300], [140, 300]);
  expect(back).not.toHaveBeenCalled();
  draw(element, [140, 300], [20, 300]);
  expect(back).toHaveBeenCalledTimes(1);
});
