/** `npm run dev -w ui`, then /stories.html: the screens on plain data. Not part of what is built. */
import { mount } from "svelte";
import "../look/tokens.css";
import "../look/base.css";
import { App } from "../model/app.svelte";
import Window from "../screens/Window.svelte";
import { refused, StoryHost } from "./story_host";
import { harbour } from "./world";

const asked = new URLSearchParams(location.search);
const host = asked.get("world") === "empty" ? new StoryHost() : harbour();
if (asked.get("world") === "first-run")
  host.instead.set("open_profile", () => Promise.reject(refused("profile_not_found")));
if (asked.get("world") === "locked")
  host.instead.set("open_profile", () => Promise.reject(refused("passphrase_needed")));
if (asked.has("world") && asked.get("world") !== "empty") host.profiles = [];
const theme = asked.get("theme");
if (theme !== null) host.stored.set("theme", theme);

const app = new App(host);
const target = document.getElementById("app");
if (target !== null) mount(Window, { target, props: { app } });
void app.open();
Object.assign(window, { host, app });
