/** The project's own programs, as cargo built them, and how they are ended. */
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

const root = resolve(import.meta.dirname, "../../..");
const target = resolve(root, process.env.CARGO_TARGET_DIR ?? "target");

/** `sotto`, `sotto-relay` or `sotto-app`, built without optimisation unless the environment says so. */
export function program(name: string): string {
  return join(target, process.env.SOTTO_PROFILE ?? "debug", name);
}

/** A folder that is gone afterwards. */
export class Folder {
  readonly path = mkdtempSync(join(tmpdir(), "sotto-ui-"));

  in(name: string): string {
    return join(this.path, name);
  }

  remove(): void {
    rmSync(this.path, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
  }
}

export type Child = ChildProcessWithoutNullStreams;

export function start(name: string, args: string[], env: NodeJS.ProcessEnv = {}): Child {
  const child = spawn(program(name), args, { env: { ...process.env, ...env } });
  child.stderr.setEncoding("utf8");
  child.stderr.on("data", (text: string) => process.env.SOTTO_LOUD && process.stderr.write(text));
  return child;
}

/** Ends a program by its id and waits until it has ended. */
export async function end(child: Child, signal: NodeJS.Signals = "SIGTERM"): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  child.kill(signal);
  const late = setTimeout(() => child.kill("SIGKILL"), 8000);
  await ended;
  clearTimeout(late);
}
