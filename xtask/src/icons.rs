//! `cargo xtask icons`: every size and format of the icon, made from the drawings in `icons/`.

use std::path::Path;

use crate::args::Args;
use crate::failure::Failure;
use crate::{project, ui};

/// The drawings, and how a phone puts them together.
const SOURCES: &[&str] = &[
    "icons/icons.json",
    "icons/sotto.svg",
    "icons/sotto-full.svg",
    "icons/sotto-mark.svg",
    "icons/sotto-small.svg",
];

/// Everything that is made, except for the web's.
const MADE: &str = "icons/generated";
/// What the browser shows in its tab: the small drawing as it is.
const FAVICON: &str = "ui/public/favicon.svg";
/// Which sources it was made from, beside what was made.
const STAMP: &str = "icons/generated/made-from.txt";

/// Beginnings of names that are left out: nothing here goes through Windows' store.
const UNUSED: &[&str] = &["Square", "StoreLogo"];

/// Sizes for which the small drawing was drawn, in pixels.
const SMALL: &[u32] = &[16, 24, 32];

pub(crate) fn command(args: Args) -> Result<(), Failure> {
    args.finish()?;
    ui::install()?;
    let folder = project::target().join("icons");
    let desktop = folder.join("desktop");
    let (phones, small) = (folder.join("phones"), folder.join("small"));
    let made = project::root().join(MADE);
    for old in [&folder, &made] {
        if old.exists() {
            std::fs::remove_dir_all(old).map_err(|error| not_written(old, &error))?;
        }
    }
    draw("icons/sotto.svg", &desktop, &[])?;
    // Phones cut the tile themselves, so they get one without corners.
    draw("icons/icons.json", &phones, &[])?;
    let sizes: Vec<String> = SMALL
        .iter()
        .flat_map(|size| ["--png".to_owned(), size.to_string()])
        .collect();
    let sizes: Vec<&str> = sizes.iter().map(String::as_str).collect();
    draw("icons/sotto-small.svg", &small, &sizes)?;

    copy(&desktop, &made)?;
    for system in ["android", "ios"] {
        copy(&phones.join(system), &made.join(system))?;
    }
    copy(&small, &made)?;
    let drawing = project::root().join("icons/sotto-small.svg");
    let favicon = project::root().join(FAVICON);
    std::fs::copy(drawing, &favicon).map_err(|error| not_written(&favicon, &error))?;
    let stamp = project::root().join(STAMP);
    std::fs::write(&stamp, stamp_of_sources()?).map_err(|error| not_written(&stamp, &error))?;
    println!("{MADE} is current.");
    Ok(())
}

/// Lets Tauri's tool draw `source` into `folder`, in all sizes or those of `options`.
fn draw(source: &str, folder: &Path, options: &[&str]) -> Result<(), Failure> {
    let output = folder.to_string_lossy();
    let arguments = ["exec", "--", "tauri", "icon", source, "--output", &*output];
    ui::npm(arguments.into_iter().chain(options.iter().copied()))
        .quiet_output()
        .map(drop)
        .ok_or_else(|| Failure::check(format!("{source} can't be drawn")))
}

/// Copies every file below `from` to the same place below `to`.
fn copy(from: &Path, to: &Path) -> Result<(), Failure> {
    std::fs::create_dir_all(to).map_err(|error| not_written(to, &error))?;
    let entries = std::fs::read_dir(from).map_err(|error| not_written(from, &error))?;
    for entry in entries.flatten() {
        let name = entry.file_name();
        if UNUSED
            .iter()
            .any(|unused| name.to_string_lossy().starts_with(unused))
        {
            continue;
        }
        let (source, target) = (entry.path(), to.join(name));
        if source.is_dir() {
            copy(&source, &target)?;
        } else {
            std::fs::copy(&source, &target).map_err(|error| not_written(&target, &error))?;
        }
    }
    Ok(())
}

/// One line for each source: its name and a checksum of its text.
fn stamp_of_sources() -> Result<String, Failure> {
    let mut stamp = String::new();
    for source in SOURCES {
        let text = project::read(source)?;
        stamp.push_str(&format!("{:016x}  {source}\n", checksum(&text)));
    }
    Ok(stamp)
}

/// FNV-1a over the text with one kind of line end, so that git may choose the other. Against
/// forgetting, not against anybody.
fn checksum(text: &str) -> u64 {
    text.bytes()
        .filter(|byte| *byte != b'\r')
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        })
}

fn not_written(path: &Path, error: &std::io::Error) -> Failure {
    Failure::machine(
        format!("{} can't be written ({error})", path.display()),
        "make room or take back the right to write there, then run this again",
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]
    use super::*;

    #[test]
    fn what_was_generated_is_of_the_drawings_that_are_here() {
        assert_eq!(
            project::read(STAMP).unwrap().replace('\r', ""),
            stamp_of_sources().unwrap(),
            "run `cargo xtask icons`"
        );
        assert_eq!(
            checksum(&project::read(FAVICON).unwrap()),
            checksum(&project::read("icons/sotto-small.svg").unwrap()),
            "run `cargo xtask icons`"
        );
    }

    #[test]
    fn the_checksum_is_the_published_one() {
        assert_eq!(checksum(""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(checksum("foobar"), 0x8594_4171_f739_67e8);
        assert_eq!(checksum("foo\r\nbar"), checksum("foo\nbar"));
    }
}
