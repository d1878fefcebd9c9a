//! The app's permissions, and a word when the screens are missing.

use std::path::Path;

use tauri_build::{AppManifest, Attributes};

/// What the page may ask; each becomes a permission `allow-…`.
const COMMANDS: &[&str] = &[
    "call",
    "start",
    "subscribe",
    "read_setting",
    "write_setting",
    "said_goodbye",
];

fn main() {
    let screens = Path::new("../ui/dist");
    println!("cargo:rerun-if-changed={}", screens.display());
    if !screens.join("index.html").is_file() {
        fail(
            "The app's screens are not built yet (ui/dist/index.html is missing). \
             Build them with `cargo xtask ui`, then build the app again.",
        );
    }
    let manifest = AppManifest::new().commands(COMMANDS);
    let attributes = Attributes::new().app_manifest(manifest);
    if let Err(error) = tauri_build::try_build(attributes) {
        fail(&format!("The app's configuration is wrong: {error:#}"));
    }
}

/// Ends the build with these words instead of a panic around them.
fn fail(words: &str) -> ! {
    println!("cargo::error={words}");
    std::process::exit(1);
}
