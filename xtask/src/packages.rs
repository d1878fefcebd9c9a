//! The system packages that the project needs on Debian and Ubuntu, each with its reason.

use std::io::{IsTerminal, Write};

use crate::failure::Failure;
use crate::tool::Tool;

/// A Debian package and why it is wanted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Package {
    pub(crate) name: &'static str,
    pub(crate) why: &'static str,
}

/// What building needs.
pub(crate) const BUILD: &[Package] = &[
    Package {
        name: "gcc",
        why: "compiles SQLCipher, OpenSSL and ring's C parts",
    },
    Package {
        name: "libc6-dev",
        why: "the C headers and start files that every link needs",
    },
    Package {
        name: "make",
        why: "builds the OpenSSL that SQLCipher brings along",
    },
    Package {
        name: "perl",
        why: "configures the OpenSSL that SQLCipher brings along",
    },
    Package {
        name: "pkg-config",
        why: "lets the keychain's crates find system libraries",
    },
];

/// What building the app's window needs beyond that.
pub(crate) const WINDOW: &[Package] = &[Package {
    name: "libwebkit2gtk-4.1-dev",
    why: "the system's webview, in which the app shows its screens",
}];

/// What `cargo xtask run --terminal` needs beyond the build.
pub(crate) const TERMINAL: &[Package] = &[Package {
    name: "tmux",
    why: "shows Alice's and Bob's terminals side by side",
}];

/// What `cargo xtask fuzz` needs beyond the build.
pub(crate) const FUZZ: &[Package] = &[Package {
    name: "g++",
    why: "compiles libFuzzer, which is C++",
}];

/// What `cargo xtask test` needs beyond the build.
pub(crate) const TEST: &[Package] = &[
    Package {
        name: "dbus",
        why: "a private session bus for the keychain tests",
    },
    Package {
        name: "gnome-keyring",
        why: "a real keychain for the keychain tests",
    },
    Package {
        name: "python3",
        why: "opens our messages with another implementation of Fernet",
    },
    Package {
        name: "python3-cryptography",
        why: "that other implementation of Fernet",
    },
    Package {
        name: "clang",
        why: "compiles ring's and SQLite's C for wasm32, to check the browser's types",
    },
    Package {
        name: "chromium",
        why: "a browser in which two people chat",
    },
    Package {
        name: "firefox-esr",
        why: "another browser in which two people chat",
    },
    Package {
        name: "nats-server",
        why: "three servers behind which relays share one store",
    },
    Package {
        name: "xvfb",
        why: "a display that nobody sees, for the app's windows",
    },
    Package {
        name: "openbox",
        why: "a window manager for that display, so that windows can be moved, hidden and closed",
    },
    Package {
        name: "xdotool",
        why: "moves, hides and closes the app's windows as a person does",
    },
    Package {
        name: "webkit2gtk-driver",
        why: "presses keys in the app's windows (WebDriver)",
    },
    Package {
        name: "fonts-noto-core",
        why: "letters of many scripts, for the screenshots",
    },
    Package {
        name: "fonts-noto-color-emoji",
        why: "emoji, for the screenshots",
    },
];

/// A standard library for wasm32 in source, with a compiler of its age, where rustup has none.
pub(crate) const WASM: &[Package] = &[
    Package {
        name: "rustc-web",
        why: "a compiler of the same age as rust-web-src",
    },
    Package {
        name: "cargo-web",
        why: "the cargo that belongs to it",
    },
    Package {
        name: "rust-web-src",
        why: "the standard library's source, to check the browser's types",
    },
];

/// Makes sure that `wanted` is installed: says what is missing and why, asks once, installs.
///
/// With `yes` nothing is asked. Without it and without a terminal to ask at, it stops with
/// the command to type. On systems without dpkg it only says what it can't check.
pub(crate) fn ensure(wanted: &[&[Package]], yes: bool) -> Result<(), Failure> {
    if !is_debian() {
        println!(
            "This is no Debian or Ubuntu: system packages are not checked. Needed are a C compiler, make and perl."
        );
        return Ok(());
    }
    let missing: Vec<Package> = wanted
        .iter()
        .flat_map(|group| group.iter())
        .copied()
        .filter(|package| !installed(package.name))
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    println!("{}", announcement(&missing));
    let names: Vec<&str> = missing.iter().map(|package| package.name).collect();
    if !yes && !agreed(&names)? {
        return Err(Failure::machine(
            "packages are missing",
            install_line(&names),
        ));
    }
    install(&names)
}

/// Whether the packages above can be looked up.
pub(crate) fn is_debian() -> bool {
    Tool::new("dpkg-query").args(["--version"]).succeeds()
}

fn installed(name: &str) -> bool {
    Tool::new("dpkg-query")
        .args(["--show", "--showformat=${db:Status-Status}", name])
        .quiet_output()
        .is_some_and(|status| status == "installed")
}

fn announcement(missing: &[Package]) -> String {
    let width = missing
        .iter()
        .map(|package| package.name.len())
        .max()
        .unwrap_or(0);
    let mut text = String::from("These system packages are missing:");
    for package in missing {
        text.push_str(&format!("\n  {:width$}  {}", package.name, package.why));
    }
    text
}

fn install_line(names: &[&str]) -> String {
    let sudo = if is_root() { "" } else { "sudo " };
    format!(
        "{sudo}apt-get install --no-install-recommends {}",
        names.join(" ")
    )
}

fn agreed(names: &[&str]) -> Result<bool, Failure> {
    if !std::io::stdin().is_terminal() {
        return Err(Failure::machine(
            "packages are missing, and there is no terminal to ask at",
            format!("run it again with --yes, or type: {}", install_line(names)),
        ));
    }
    print!("Install them now? [Y/n] ");
    let _closed = std::io::stdout().flush();
    let mut answer = String::new();
    let _closed = std::io::stdin().read_line(&mut answer);
    Ok(matches!(
        answer.trim().to_lowercase().as_str(),
        "" | "y" | "yes"
    ))
}

fn install(names: &[&str]) -> Result<(), Failure> {
    apt(&["update", "--quiet"])?;
    let mut line = vec!["install", "--yes", "--quiet", "--no-install-recommends"];
    line.extend(names);
    apt(&line)
}

fn apt(args: &[&str]) -> Result<(), Failure> {
    let tool = if is_root() {
        Tool::new("apt-get")
            .args(args)
            .env("DEBIAN_FRONTEND", "noninteractive")
    } else {
        Tool::new("sudo")
            .args(["DEBIAN_FRONTEND=noninteractive", "apt-get"])
            .args(args)
    };
    // `sudo` may ask for a password.
    tool.with_terminal().run()
}

fn is_root() -> bool {
    Tool::new("id")
        .args(["-u"])
        .quiet_output()
        .is_some_and(|id| id.trim() == "0")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_missing_package_is_announced_with_its_reason() {
        let text = announcement(TEST);
        assert!(
            text.contains("gnome-keyring") && text.contains("a real keychain"),
            "{text}"
        );
    }

    #[test]
    fn no_package_is_listed_twice_and_each_says_why() {
        let all: Vec<Package> = [BUILD, WINDOW, TERMINAL, FUZZ, TEST, WASM].concat();
        for (at, package) in all.iter().enumerate() {
            assert!(package.why.len() > 10, "{} needs a reason", package.name);
            assert!(
                all.iter()
                    .skip(at + 1)
                    .all(|other| other.name != package.name),
                "{} twice",
                package.name
            );
        }
    }
}
