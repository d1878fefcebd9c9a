//! What the program needs of a system: as old a C library as the one that it was built with allows.
//!
//! GTK and WebKit are written into the packages by Tauri; D-Bus is linked for the look of the system.

use std::path::Path;

use serde_json::{Value, json};

use crate::failure::Failure;

/// How the names of the C library's versions begin in a program that is linked with it.
const MARK: &[u8] = b"GLIBC_2.";

/// A piece of Tauri's configuration with what `program` needs of the C library.
pub(super) fn needed(program: &Path) -> Result<Value, Failure> {
    let bytes = std::fs::read(program)
        .map_err(|error| Failure::check(format!("{}: {error}", program.display())))?;
    let Some(minor) = newest(&bytes) else {
        return Err(Failure::check(
            "the program names no version of the C library",
        ));
    };
    let wide = if cfg!(target_pointer_width = "64") {
        "(64bit)"
    } else {
        ""
    };
    Ok(json!({ "bundle": { "linux": {
        "deb": { "depends": ["libdbus-1-3", format!("libc6 (>= 2.{minor})")] },
        "rpm": { "depends": [
            format!("libdbus-1.so.3(){wide}"),
            format!("libc.so.6(GLIBC_2.{minor}){wide}"),
        ]},
    }}}))
}

/// The newest version 2.x that is named.
fn newest(program: &[u8]) -> Option<u32> {
    let names = program.windows(MARK.len()).enumerate();
    names
        .filter(|(_, bytes)| *bytes == MARK)
        .filter_map(|(at, _)| {
            let after = program.get(at + MARK.len()..)?;
            let digits = after
                .iter()
                .take_while(|byte| byte.is_ascii_digit())
                .count();
            std::str::from_utf8(after.get(..digits)?).ok()?.parse().ok()
        })
        .max()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_version_counts_as_a_number() {
        let program = b"..GLIBC_2.4\0GLIBC_2.34\0GLIBC_2.2.5\0GLIBC_2.\0GLIBC_PRIVATE\0";
        assert_eq!(newest(program), Some(34));
        assert_eq!(newest(b"static"), None);
    }
}
