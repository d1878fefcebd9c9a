/**
 * How a page in a browser gets in. The address that the terminal printed carries a token after its
 * `#`, which works once and is exchanged for a session. The session stays in this tab and is passed
 * to tabs of the same origin on request; it is no cookie, because cookies of 127.0.0.1 would be sent
 * to every other program that listens there.
 */
import { isProblem, Refusal } from "./refusal";
import { words } from "../words";

const KEPT = "sotto.session";
/** How long other tabs have to answer, in milliseconds. */
const PATIENCE = 400;

/** The session of this tab: kept, bought with the address's token, or given by another tab. */
export async function session(): Promise<string> {
  const token = tokenOfAddress();
  if (token !== null) {
    const bought = await exchange(token);
    keep(bought);
    return bought;
  }
  const kept = sessionStorage.getItem(KEPT) ?? (await askOtherTabs());
  if (kept === null) throw new Refusal(words.problems.noSession);
  keep(kept);
  return kept;
}

/** The session was refused: it must not be tried or passed on again. */
export function forget(): void {
  sessionStorage.removeItem(KEPT);
}

function keep(session: string): void {
  sessionStorage.setItem(KEPT, session);
}

/** Takes the token out of the address, so that neither history nor a glance keeps it. */
function tokenOfAddress(): string | null {
  const token = location.hash.slice(1);
  if (token === "") return null;
  history.replaceState(null, "", location.pathname);
  return token;
}

async function exchange(token: string): Promise<string> {
  let response: Response;
  try {
    response = await fetch("/session", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ token }),
      credentials: "omit",
    });
  } catch {
    throw new Refusal(words.problems.hostUnreachable);
  }
  const answer: unknown = await response.json().catch(() => null);
  if (response.ok && typeof answer === "object" && answer !== null && "session" in answer) {
    return String(answer.session);
  }
  throw new Refusal(isProblem(answer) ? answer : words.problems.hostUnreachable);
}

/** Tabs that are in answer questions of tabs that are not; both are pages of this very origin. */
export function shareWithOtherTabs(): void {
  const channel = new BroadcastChannel(KEPT);
  channel.onmessage = ({ data }: MessageEvent<unknown>) => {
    const kept = sessionStorage.getItem(KEPT);
    if (data === "who is in?" && kept !== null) channel.postMessage({ session: kept });
  };
}

function askOtherTabs(): Promise<string | null> {
  const channel = new BroadcastChannel(KEPT);
  return new Promise<string | null>((resolve) => {
    setTimeout(() => resolve(null), PATIENCE);
    channel.onmessage = ({ data }: MessageEvent<unknown>) => {
      if (typeof data === "object" && data !== null && "session" in data) resolve(String(data.session));
    };
    channel.postMessage("who is in?");
  }).finally(() => channel.close());
}
