/** A call that was not carried out. */
import type { Problem } from "@contract";
import { words } from "../words";

/** Carries the three sentences for a person and the code for a screen. */
export class Refusal extends Error {
  constructor(readonly problem: Problem) {
    super(problem.happened);
    this.name = "Refusal";
  }

  get code(): string {
    return this.problem.code;
  }
}

/** Is this value shaped like a problem of the contract? */
export function isProblem(value: unknown): value is Problem {
  if (typeof value !== "object" || value === null) return false;
  const parts = value as Record<string, unknown>;
  return (["code", "happened", "safe", "next"] as const).every((part) => typeof parts[part] === "string");
}

/** Whatever was thrown, as a problem that can be shown. */
export function problemOf(thrown: unknown): Problem {
  if (thrown instanceof Refusal) return thrown.problem;
  if (isProblem(thrown)) return thrown;
  return { code: "screen", ...words.problems.screen(thrown instanceof Error ? thrown.message : String(thrown)) };
}
