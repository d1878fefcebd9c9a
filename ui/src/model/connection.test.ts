import type { Problem, RelayState } from "@contract";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { Connection } from "./connection.svelte";

const full: Problem = { code: "disk_full", happened: "The disk is full.", safe: "All is kept.", next: "Free space." };
let connection: Connection;
const relay = (state: RelayState) =>
  connection.take({ relay: "sotto-relay://a:1#00", state, problem: null, retry_in_ms: null });

beforeEach(() => {
  vi.useFakeTimers();
  connection = new Connection();
  relay("connected");
});

afterEach(() => vi.useRealTimers());

it("trouble with the storage is said at once, and is over when it stays away", () => {
  connection.takeStorage(full);
  expect(connection.storage).toEqual(full);
  connection.takeStorage(null);
  vi.advanceTimersByTime(2900);
  expect(connection.storage).toEqual(full);
  vi.advanceTimersByTime(200);
  expect(connection.storage).toBeNull();
});

it("what could be stored without a connection, or fails again at once, does not end it", () => {
  connection.takeStorage(full);
  relay("offline");
  connection.takeStorage(null);
  vi.advanceTimersByTime(60_000);
  expect(connection.storage).toEqual(full);
  relay("connected");
  vi.advanceTimersByTime(1000);
  connection.takeStorage({ ...full });
  vi.advanceTimersByTime(60_000);
  expect(connection.storage).toEqual(full);
  relay("connected");
  vi.advanceTimersByTime(60_000);
  expect(connection.storage).toEqual(full);
  connection.takeStorage(null);
  vi.advanceTimersByTime(3100);
  expect(connection.storage).toBeNull();
});
