export type { Answer, Host, Link, Method, Params, SettingsStore } from "./host";
export { problemOf, Refusal } from "./refusal";
export { HOST_LOST, WebHost } from "./web";
export { TauriHost } from "./tauri";
