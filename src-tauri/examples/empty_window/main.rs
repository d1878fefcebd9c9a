//! The peer of the app's figures: the same Tauri with the same features, a page of a few words, and
//! nothing else. `empty_window --field` shows a page with a field that has the caret.
#![allow(missing_docs, reason = "a program for measurements")]

use std::path::PathBuf;

use tauri::{WebviewUrl, WebviewWindowBuilder};

fn main() -> tauri::Result<()> {
    let page = if std::env::args().any(|argument| argument == "--field") {
        "field.html"
    } else {
        "index.html"
    };
    tauri::Builder::default()
        .setup(move |app| {
            WebviewWindowBuilder::new(app, "main", WebviewUrl::App(PathBuf::from(page)))
                .title("Empty window")
                .inner_size(1080.0, 720.0)
                .build()?;
            Ok(())
        })
        .run(tauri::generate_context!(
            "examples/empty_window/tauri.conf.json"
        ))
}
