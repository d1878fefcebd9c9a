import { beforeEach, expect, it, vi } from "vitest";
import { session } from "./session";

const PROBLEM = {
  code: "session_token_used",
  happened: "It was used.",
  safe: "Nothing was opened.",
  next: "Open the newest.",
};

beforeEach(() => {
  sessionStorage.clear();
  history.replaceState(null, "", "/");
});

const answers = (status: number, body: string) =>
  vi.stubGlobal(
    "fetch",
    vi.fn(async () => new Response(body, { status })),
  );

it("the token buys a session, and is nowhere afterwards", async () => {
  answers(200, JSON.stringify({ session: "bought" }));
  location.hash = "#secret";
  await expect(session()).resolves.toBe("bought");
  expect(location.href).not.toContain("secret");
  expect(JSON.stringify({ ...sessionStorage, ...localStorage })).not.toContain("secret");
  await expect(session()).resolves.toBe("bought");
  expect(fetch).toHaveBeenCalledOnce();
});

it("a refused token is told in the host's own words", async () => {
  answers(401, JSON.stringify(PROBLEM));
  location.hash = "#used";
  await expect(session()).rejects.toMatchObject({ problem: PROBLEM });
  expect(location.hash).toBe("");
});

it.each([
  [500, "<html>"],
  [200, "{}"],
  [200, "null"],
  [401, JSON.stringify({ code: "x" })],
])("an answer that is none (%i %s) is told as a host that does not answer", async (status, body) => {
  answers(status, body);
  location.hash = "#token";
  await expect(session()).rejects.toMatchObject({ code: "host_unreachable" });
});

it("without a token, a session or another tab it says how to get in", async () => {
  vi.stubGlobal(
    "BroadcastChannel",
    class {
      postMessage() {}
      close() {}
    },
  );
  await expect(session()).rejects.toMatchObject({ code: "session_missing" });
});
