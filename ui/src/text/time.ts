/** Dates and times as the person's own system writes them; `Intl` knows every locale already. */
import { words } from "../words";

const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const weekday = new Intl.DateTimeFormat(undefined, { weekday: "short" });
const longWeekday = new Intl.DateTimeFormat(undefined, { weekday: "long", day: "numeric", month: "long" });
const date = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short" });
const dateAndYear = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short", year: "numeric" });
const longDate = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "long", year: "numeric" });
const exact = new Intl.DateTimeFormat(undefined, { dateStyle: "long", timeStyle: "short" });

const DAY = 24 * 60 * 60 * 1000;

/** The day and the minute asked for last: the rows of a conversation ask for the same ones again and again. */
let day = { from: 0, until: 0 };
let minute = { number: NaN, text: "" };

function startOfDay(time: number): number {
  // So also after a time that no calendar has.
  if (!(time >= day.from && time < day.until)) {
    const from = new Date(time).setHours(0, 0, 0, 0);
    const next = new Date(from);
    // Not every day has 24 hours.
    day = { from, until: next.setDate(next.getDate() + 1) };
  }
  return day.from;
}

/** Days between two moments, by the calendar. */
function daysBefore(time: number, now: number): number {
  return Math.round((startOfDay(now) - startOfDay(time)) / DAY);
}

export function sameDay(one: number, other: number): boolean {
  return startOfDay(one) === startOfDay(other);
}

export function sameMinute(one: number, other: number): boolean {
  return Math.floor(one / 60_000) === Math.floor(other / 60_000);
}

/** 14:32 */
export function hourAndMinute(time: number): string {
  const number = Math.floor(time / 60_000);
  if (number !== minute.number) minute = { number, text: clock.format(time) };
  return minute.text;
}

/** The time in a list: today's hour, this week's day, else the date. */
export function short(time: number, now: number): string {
  const days = daysBefore(time, now);
  if (days <= 0) return clock.format(time);
  if (days < 7) return weekday.format(time);
  return new Date(time).getFullYear() === new Date(now).getFullYear() ? date.format(time) : dateAndYear.format(time);
}

/** The line between two days of a conversation. */
export function dayLine(time: number, now: number): string {
  const days = daysBefore(time, now);
  if (days === 0) return words.conversation.today;
  if (days === 1) return words.conversation.yesterday;
  return days > 1 && days < 300 ? longWeekday.format(time) : longDate.format(time);
}

/** The whole of it. */
export function full(time: number): string {
  return exact.format(time);
}
