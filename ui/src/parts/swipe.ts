/** A finger drawn across a screen in the direction of reading leads back, as phones do it. */

/** How far, in pixels, and how much less it may go up or down. */
const FAR = 72;
const STRAIGHT = 0.5;
/** A finger that rests first is selecting text, in milliseconds. */
const QUICK = 600;

/** For `{@attach}`: calls `back` when a finger was drawn across the element. */
export function swipeBack(back: () => void): (element: HTMLElement) => () => void {
  return (element) => {
    let from: { x: number; y: number; at: number } | null = null;
    const start = (event: TouchEvent) => {
      const touch = event.touches[0];
      from =
        event.touches.length === 1 && touch !== undefined
          ? { x: touch.clientX, y: touch.clientY, at: event.timeStamp }
          : null;
    };
    const end = (event: TouchEvent) => {
      const touch = event.changedTouches[0];
      if (from === null || touch === undefined || event.timeStamp - from.at > QUICK) return;
      const on = getComputedStyle(element).direction === "rtl" ? -1 : 1;
      const across = (touch.clientX - from.x) * on;
      const down = Math.abs(touch.clientY - from.y);
      from = null;
      if (across > FAR && down < across * STRAIGHT) back();
    };
    element.addEventListener("touchstart", start, { passive: true });
    element.addEventListener("touchend", end, { passive: true });
    return () => {
      element.removeEventListener("touchstart", start);
      element.removeEventListener("touchend", end);
    };
  };
}
