//! The one window.

use tauri::webview::NewWindowResponse;
use tauri::window::Color;
use tauri::{
    App, AppHandle, Manager as _, Runtime, Theme, Url, WebviewUrl, WebviewWindow,
    WebviewWindowBuilder,
};
use tauri_plugin_store::StoreExt as _;

#[cfg(target_os = "linux")]
use crate::caret;
use crate::commands::SETTINGS;

/// Its label; the capability names it.
pub(crate) const MAIN: &str = "main";

/// The paper of the light theme, `--paper` of the screens: oklch(98.6% 0.004 85).
const LIGHT: Color = Color(0xfc, 0xfa, 0xf7, 0xff);
/// The paper of the dark theme: oklch(19.5% 0.012 225).
const DARK: Color = Color(0x0f, 0x16, 0x19, 0xff);

/// Opens the window. It is there at once, in the colour that the page is going to have.
pub(crate) fn open<R: Runtime>(app: &App<R>, whose: Option<&str>) -> tauri::Result<()> {
    let chosen = chosen_theme(app);
    let window = WebviewWindowBuilder::new(app, MAIN, WebviewUrl::default())
        .title(title(whose))
        .inner_size(1080.0, 720.0)
        .min_inner_size(360.0, 480.0)
        .background_color(chosen.map_or(LIGHT, paper))
        .general_autofill_enabled(false)
        .on_navigation(is_ours)
        .on_new_window(|_, _| NewWindowResponse::Deny)
        .on_download(|_, _| false)
        .build()?;
    if chosen.is_none() {
        // Only a window knows what the system prefers. Nothing was painted yet.
        window.set_background_color(Some(paper(window.theme()?)))?;
    }
    #[cfg(target_os = "linux")]
    window.with_webview(|view| caret::rest(&view.inner()))?;
    Ok(())
}

/// The theme that the person chose; none where it follows the system.
fn chosen_theme<R: Runtime>(app: &App<R>) -> Option<Theme> {
    let theme = app.get_store(SETTINGS)?.get("theme")?;
    match theme.as_str()? {
        "light" => Some(Theme::Light),
        "dark" => Some(Theme::Dark),
        _ => None,
    }
}

fn paper(theme: Theme) -> Color {
    if theme == Theme::Dark { DARK } else { LIGHT }
}

/// Brings the window to the front.
pub(crate) fn show<R: Runtime>(app: &AppHandle<R>) {
    let Some(window) = main(app) else { return };
    // What can't be brought to the front stays where it is; there is nobody to tell.
    let _ = window.unminimize();
    let _ = window.show();
    let _ = window.set_focus();
}

/// The window, while it is there.
pub(crate) fn main<R: Runtime>(app: &AppHandle<R>) -> Option<WebviewWindow<R>> {
    app.get_webview_window(MAIN)
}

fn title(whose: Option<&str>) -> String {
    match whose {
        Some(name) => format!("{name} – Sotto"),
        None => "Sotto".to_owned(),
    }
}

/// The page may only go to pages of the app itself: `tauri://localhost`, or where the system knows
/// no schemes of a program's own, `http://tauri.localhost`.
fn is_ours(url: &Url) -> bool {
    match url.scheme() {
        "tauri" => url.host_str() == Some("localhost"),
        "http" | "https" => url.host_str() == Some("tauri.localhost") && cfg!(windows),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_apps_own_pages_are_gone_to() {
        let ours = |url: &str| is_ours(&url.parse().unwrap());
        assert!(ours("tauri://localhost/index.html#x"));
        assert!(!ours("tauri://example.org/"));
        assert!(!ours("https://example.org/"));
        assert!(!ours("http://localhost:5173/"));
        assert!(!ours("file:///etc/passwd"));
        assert!(!ours("data:text/html,hello"));
        assert!(!ours("about:blank"));
        assert_eq!(ours("http://tauri.localhost/"), cfg!(windows));
    }

    #[test]
    fn the_title_says_whose_window_it_is_where_that_was_said() {
        assert_eq!(title(None), "Sotto");
        assert_eq!(title(Some("Alice")), "Alice – Sotto");
    }
}
