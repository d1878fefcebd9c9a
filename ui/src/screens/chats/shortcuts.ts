/** The keys that work everywhere in the window. Cmd stands for Ctrl on a Mac. */
import type { Profile } from "../../model/profile.svelte";

export type Sheet = "invite" | "settings" | "shortcuts" | null;

interface Window {
  profile(): Profile;
  sheet(): Sheet;
  show(sheet: Sheet): void;
  toggleDetails(): void;
  details(): boolean;
  find(): void;
}

const mac = /Mac|iPhone|iPad/.test(navigator.userAgent);

/** The name of the key that goes with the others. */
export const CTRL = mac ? "⌘" : "Ctrl";

export function shortcuts(window: Window): (event: KeyboardEvent) => void {
  return (event) => {
    if (event.defaultPrevented || event.isComposing) return;
    const ctrl = mac ? event.metaKey : event.ctrlKey;
    const key = event.key.toLowerCase();
    let done = true;
    if (event.key === "Escape" && window.sheet() === null) {
      if (window.details()) window.toggleDetails();
      else if (matchMedia("(max-width: 719px)").matches) window.profile().show(null);
      else done = false;
    } else if ((ctrl || event.altKey) && !event.shiftKey && key === "n") {
      // A browser keeps Ctrl+N for itself; Alt+N reaches us there.
      window.show("invite");
    } else if (ctrl && !event.shiftKey && (key === "k" || key === "f")) {
      window.show(null);
      window.find();
    } else if (ctrl && key === ",") {
      window.show("settings");
    } else if (ctrl && (key === "/" || key === "?")) {
      window.show("shortcuts");
    } else if (ctrl && !event.shiftKey && key === "i") {
      window.toggleDetails();
    } else if (ctrl && /^[1-9]$/.test(key)) {
      go(window.profile(), Number(key) - 1);
    } else if (event.altKey && (event.key === "ArrowDown" || event.key === "ArrowUp")) {
      step(window.profile(), event.key === "ArrowDown" ? 1 : -1, event.shiftKey);
    } else {
      done = false;
    }
    if (done) event.preventDefault();
  };
}

function go(profile: Profile, at: number): void {
  const conversation = profile.sorted[at];
  if (conversation !== undefined) profile.show(conversation.conversation);
}

function step(profile: Profile, by: 1 | -1, unreadOnly: boolean): void {
  const here = profile.open?.conversation;
  const all = profile.sorted.filter(({ unread, conversation }) => !unreadOnly || unread > 0 || conversation === here);
  const at = all.findIndex(({ conversation }) => conversation === here);
  const next = all[at + by];
  if (next !== undefined) profile.show(next.conversation);
}
