/** What a login starts for a person: a session bus, and a keychain on it. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { end, type Child } from "./programs";

/** How long a program of the system has to say that it is there. */
const PATIENCE = 10_000;
const PASSWORD = "a throwaway login";
const KEYRING = ["--foreground", "--components=secrets"];

/** A session bus; `env` leads to it afterwards. */
export async function bus(env: NodeJS.ProcessEnv): Promise<ChildProcess> {
  const arguments_ = ["--session", "--nofork", "--print-address=1"];
  const program = spawn("dbus-daemon", arguments_, { env, stdio: ["ignore", "pipe", "ignore"] });
  try {
    env.DBUS_SESSION_BUS_ADDRESS = await firstLine(program, program.stdout);
  } catch (error) {
    await end(program as unknown as Child);
    throw error;
  }
  return program;
}

/** A keychain whose login has unlocked it, or one that nobody has. */
export async function keychain(env: NodeJS.ProcessEnv, state: "unlocked" | "locked"): Promise<ChildProcess> {
  const arguments_ = state === "unlocked" ? [...KEYRING, "--unlock"] : KEYRING;
  const keyring = spawn("gnome-keyring-daemon", arguments_, { env, stdio: ["pipe", "ignore", "ignore"] });
  keyring.stdin.end(state === "unlocked" ? PASSWORD : "");
  const late = Date.now() + PATIENCE;
  while (!owned(env, "org.freedesktop.secrets")) {
    if (Date.now() > late) throw new Error("the keychain did not come");
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return keyring;
}

/** Whether somebody on the bus has this name. */
function owned(env: NodeJS.ProcessEnv, name: string): boolean {
  const method = ["org.freedesktop.DBus.NameHasOwner", `string:${name}`];
  const arguments_ = ["--session", "--print-reply", "--dest=org.freedesktop.DBus", "/", ...method];
  return execFileSync("dbus-send", arguments_, { env, encoding: "utf8" }).includes("true");
}

export async function firstLine(program: ChildProcess, from: Readable): Promise<string> {
  const name = program.spawnfile;
  return new Promise((resolve, reject) => {
    const late = setTimeout(() => reject(new Error(`${name} said nothing`)), PATIENCE);
    program.once("error", reject);
    program.once("exit", () => reject(new Error(`${name} ended`)));
    createInterface({ input: from }).once("line", (line) => {
      clearTimeout(late);
      resolve(line.trim());
    });
  });
}
