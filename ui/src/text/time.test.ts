import { describe, expect, it } from "vitest";
import { dayLine, hourAndMinute, sameDay, sameMinute, short } from "./time";

const at = (text: string) => new Date(text).getTime();
const NOW = at("2026-11-25T09:30:00");

describe("the time in a list", () => {
  it("is the hour today, even a minute after midnight", () => {
    expect(short(at("2026-11-25T00:01:00"), NOW)).toBe(hourAndMinute(at("2026-11-25T00:01:00")));
  });

  it("is the day of the week by the calendar, not after 24 hours", () => {
    const lastNight = at("2026-11-24T23:59:00");
    expect(short(lastNight, NOW)).toBe(new Intl.DateTimeFormat(undefined, { weekday: "short" }).format(lastNight));
  });

  it("is a date after a week, since the same day of the week would mislead", () => {
    expect(short(at("2026-11-18T12:00:00"), NOW)).toMatch(/18/);
    expect(short(at("2026-11-18T12:00:00"), NOW)).not.toMatch(/2026/);
    expect(short(at("2025-11-18T12:00:00"), NOW)).toMatch(/2025/);
  });

  it("is an hour where the other's clock is ahead", () => {
    expect(short(at("2026-11-26T08:00:00"), NOW)).toBe(hourAndMinute(at("2026-11-26T08:00:00")));
  });
});

describe("the line between days", () => {
  it.each([
    ["2026-11-25T00:00:00", /^Today$/],
    ["2026-11-24T23:59:59", /^Yesterday$/],
    ["2026-11-23T12:00:00", /23/],
    ["2024-02-29T12:00:00", /2024/],
    ["2027-01-01T12:00:00", /2027/],
  ])("%s", (time, line) => expect(dayLine(at(time), NOW)).toMatch(line));

  it("holds over the days on which the clocks change", () => {
    expect(dayLine(at("2026-03-28T12:00:00"), at("2026-03-29T00:30:00"))).toBe("Yesterday");
    expect(dayLine(at("2026-10-24T23:30:00"), at("2026-10-25T23:30:00"))).toBe("Yesterday");
  });
});

it("tells days and minutes apart", () => {
  expect(sameDay(at("2026-11-25T00:00:00"), at("2026-11-25T23:59:59"))).toBe(true);
  expect(sameDay(at("2026-11-25T00:00:00"), at("2026-11-24T23:59:59"))).toBe(false);
  expect(sameMinute(at("2026-11-25T09:30:00"), at("2026-11-25T09:30:59"))).toBe(true);
  expect(sameMinute(at("2026-11-25T09:30:59"), at("2026-11-25T09:31:00"))).toBe(false);
});

it("is not led astray by a time that no calendar has", () => {
  expect(sameDay(Number.MAX_VALUE, at("2026-11-25T09:30:00"))).toBe(false);
  expect(sameDay(at("2026-11-25T00:00:00"), at("2026-11-25T23:59:59"))).toBe(true);
});
