import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { CONTRACT } from "@contract";
import { problemOf } from "./refusal";
import { WebHost } from "./web";

const PROBLEM = {
  code: "session_unknown",
  happened: "It is not known.",
  safe: "Nothing was done.",
  next: "Open it again.",
};

interface Line {
  id: number;
  method: string;
  params: Record<string, unknown>;
}

/** The other end of a WebSocket; the test answers. */
class FakeSocket {
  static readonly OPEN = 1;
  static all: FakeSocket[] = [];
  static answer: (line: Line) => object | null = () => null;
  readyState = 1;
  onopen: (() => void) | null = null;
  onclose: (() => void) | null = null;
  onerror: (() => void) | null = null;
  onmessage: ((event: { data: string }) => void) | null = null;
  readonly lines: Line[] = [];

  constructor(readonly address: string) {
    FakeSocket.all.push(this);
    queueMicrotask(() => this.onopen?.());
  }

  send(text: string): void {
    const line = JSON.parse(text) as Line;
    this.lines.push(line);
    const answer = FakeSocket.answer(line);
    if (answer !== null) queueMicrotask(() => this.says({ jsonrpc: "2.0", id: line.id, ...answer }));
  }

  says(message: object): void {
    this.onmessage?.({ data: JSON.stringify(message) });
  }

  close(): void {
    this.readyState = 3;
    this.onclose?.();
  }
}

const START = { profile: "alice", relay: null, device_name: "Browser" };
const entered = ({ method }: Line) => (method === "enter" ? { result: START } : null);

beforeEach(() => {
  FakeSocket.all = [];
  FakeSocket.answer = entered;
  vi.stubGlobal("WebSocket", FakeSocket);
  vi.stubGlobal(
    "BroadcastChannel",
    class {
      postMessage() {}
      close() {}
    },
  );
  sessionStorage.setItem("sotto.session", "kept");
});
afterEach(() => void vi.useRealTimers());

const socket = (at = 0) => {
  const found = FakeSocket.all[at];
  if (found === undefined) throw new Error("no socket was opened");
  return found;
};

it("enters with its session and the contract it was built for", async () => {
  await expect(new WebHost().start()).resolves.toEqual(START);
  expect(socket().lines).toMatchObject([{ method: "enter", params: { session: "kept", contract: CONTRACT } }]);
});

it("answers reach those who asked, whatever their order", async () => {
  const host = new WebHost();
  await host.start();
  const asked = [host.call("version", {}), host.call("list_profiles", {})];
  const [, version, profiles] = socket().lines;
  socket().says({ id: 99, result: "nobody asked" });
  socket().says({ id: profiles?.id, result: "profiles" });
  socket().says({ id: version?.id, result: "version" });
  await expect(Promise.all(asked)).resolves.toEqual(["version", "profiles"]);
});

it("an error becomes a refusal that carries the problem", async () => {
  const host = new WebHost();
  await host.start();
  FakeSocket.answer = () => ({ error: { code: -32000, message: "no", data: { ...PROBLEM, code: "disk_full" } } });
  await expect(host.call("version", {})).rejects.toMatchObject({
    name: "Refusal",
    code: "disk_full",
    problem: { next: "Open it again." },
  });
});

it("an error without a problem still has three sentences", async () => {
  const host = new WebHost();
  await host.start();
  FakeSocket.answer = () => ({ error: { code: -32601, message: "no such method", data: { code: 5 } } });
  const problem = await host.call("version", {}).then(() => null, problemOf);
  expect(problem?.happened).toContain("no such method");
  expect([problem?.safe, problem?.next].every((part) => (part ?? "") !== "")).toBe(true);
});

it("a program of another contract is not talked to", async () => {
  FakeSocket.answer = () => ({
    error: { code: -32000, message: "other", data: { ...PROBLEM, code: "contract_other" } },
  });
  await expect(new WebHost().start()).rejects.toMatchObject({ code: "contract_other" });
  expect(socket().readyState).toBe(3);
  expect(sessionStorage.getItem("sotto.session")).toBe("kept");
});

it("a session that is not known is forgotten, so that it is not tried or passed on again", async () => {
  FakeSocket.answer = () => ({ error: { code: -32000, message: "who?", data: PROBLEM } });
  await expect(new WebHost().start()).rejects.toMatchObject({ code: "session_unknown" });
  expect(sessionStorage.getItem("sotto.session")).toBeNull();
});

it("a lost way refuses what waits, says so, and enters again by itself", async () => {
  vi.useFakeTimers();
  const host = new WebHost();
  await host.start();
  const links: string[] = [];
  host.onLink((link) => links.push(link));
  const waits = host.call("version", {}).then(() => null, problemOf);
  socket().close();
  expect((await waits)?.code).toBe("host_lost");
  await expect(host.call("version", {})).rejects.toMatchObject({ code: "host_lost" });
  expect(links).toEqual(["lost"]);
  await vi.advanceTimersByTimeAsync(500);
  expect(links).toEqual(["lost", "standing"]);
  expect(socket(1).lines).toMatchObject([{ method: "enter", params: { session: "kept" } }]);
});

it("what the host would not take does not cut the connection", async () => {
  const host = new WebHost();
  await host.start();
  const asked = host.call("set_draft", { profile: "alice", conversation: "", text: "ž".repeat(300_000) });
  await expect(asked).rejects.toMatchObject({ code: "text_too_long" });
  expect(socket().lines).toHaveLength(1);
});

it("one listener that fails keeps no event from the others", async () => {
  const host = new WebHost();
  await host.start();
  const reported = vi.fn();
  vi.stubGlobal("reportError", reported);
  const heard: unknown[] = [];
  host.onEvent(() => {
    throw new Error("a broken screen");
  });
  host.onEvent((published) => heard.push(published.event));
  socket().says({ method: "event", params: { profile: "alice", event: { event: "missed" } } });
  expect(heard).toEqual([{ event: "missed" }]);
  expect(reported).toHaveBeenCalledOnce();
});
