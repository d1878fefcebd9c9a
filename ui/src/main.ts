import { mount } from "svelte";
import "./look/tokens.css";
import "./look/base.css";
import { TauriHost, WebHost } from "./host";
import { App } from "./model/app.svelte";
import Window from "./screens/Window.svelte";
import { words } from "./words";

document.documentElement.lang = words.language;
document.documentElement.dir = words.direction;

const app = new App(TauriHost.isHere() ? new TauriHost() : new WebHost());
const target = document.getElementById("app");
if (target !== null) mount(Window, { target, props: { app } });
void app.open();
