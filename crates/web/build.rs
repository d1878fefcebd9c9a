//! Puts the screens (`ui/dist`) into the program: each file as it is and compressed, with its type
//! and a mark of its content.

use std::fmt::Write as _;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

use flate2::Compression;
use flate2::write::GzEncoder;

fn main() -> io::Result<()> {
    let screens = folder("CARGO_MANIFEST_DIR")?.join("../../ui/dist");
    let out = folder("OUT_DIR")?;
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed={}", screens.display());
    let mut files = Vec::new();
    if screens.join("index.html").is_file() {
        list(&screens, &mut files)?;
        files.sort();
    } else {
        println!(
            "cargo::warning=the screens are not built, so `sotto web` won't start: `cargo xtask ui` builds them"
        );
    }
    let mut table = String::from("&[\n");
    for (number, file) in files.iter().enumerate() {
        let inside = file.strip_prefix(&screens).map_err(io::Error::other)?;
        let entry = entry(&out, number, inside, &fs::read(file)?)?;
        table.push_str(&entry);
    }
    table.push_str("]\n");
    fs::write(out.join("screens.rs"), table)
}

/// One file's line of the table, and its content beside it.
fn entry(out: &Path, number: usize, inside: &Path, bytes: &[u8]) -> io::Result<String> {
    let path = inside
        .components()
        .map(|part| part.as_os_str().to_string_lossy())
        .collect::<Vec<_>>()
        .join("/");
    let kind = content_type(&path);
    // Not against anybody: it only has to differ when the content does.
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    let mark = hasher.finish();
    fs::write(out.join(format!("{number}.raw")), bytes)?;
    let include =
        |kind: &str| format!("include_bytes!(concat!(env!(\"OUT_DIR\"), \"/{number}.{kind}\"))");
    let raw = include("raw");
    let small = compress(bytes)?;
    let gzip = if is_text(kind) && small.len() < bytes.len() {
        fs::write(out.join(format!("{number}.gz")), small)?;
        format!("Some({})", include("gz"))
    } else {
        "None".to_owned()
    };
    let mut line = String::new();
    writeln!(
        line,
        "File {{ path: {path:?}, content_type: {kind:?}, mark: \"{mark:016x}\", raw: {raw}, gzip: {gzip} }},"
    )
    .map_err(io::Error::other)?;
    Ok(line)
}

fn compress(bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes)?;
    encoder.finish()
}

fn content_type(path: &str) -> &'static str {
    match path.rsplit('.').next().unwrap_or_default() {
        "html" => "text/html; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "svg" => "image/svg+xml",
        "json" | "map" | "webmanifest" => "application/json",
        "txt" => "text/plain; charset=utf-8",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "webp" => "image/webp",
        "woff2" => "font/woff2",
        _ => "application/octet-stream",
    }
}

fn is_text(kind: &str) -> bool {
    kind.contains("charset") || kind.ends_with("json") || kind.ends_with("xml")
}

fn list(folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            list(&path, files)?;
        } else {
            files.push(path);
        }
    }
    Ok(())
}

fn folder(variable: &str) -> io::Result<PathBuf> {
    env::var_os(variable)
        .map(PathBuf::from)
        .ok_or_else(|| io::Error::other(format!("{variable} is not set")))
}
