//! Starting other programs: nothing to read from, output passed through, closing lines kept.

use std::ffi::{OsStr, OsString};
use std::io::{BufRead, BufReader, IsTerminal, Read, Write};
use std::process::{Child, Command, ExitStatus, Stdio};

use crate::failure::Failure;
use crate::project;

fn is_of_our_package(name: &OsStr) -> bool {
    let name = name.to_string_lossy();
    name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_")
}

/// A program with its arguments, not started yet. Runs in the project's root.
#[derive(Debug)]
pub(crate) struct Tool {
    command: Command,
    shown: String,
}

impl Tool {
    pub(crate) fn new(program: impl AsRef<OsStr>) -> Self {
        let mut command = Command::new(program.as_ref());
        command.current_dir(project::root()).stdin(Stdio::null());
        let shown = program.as_ref().to_string_lossy().into_owned();
        Self { command, shown }
    }

    /// The cargo that runs this program, without what that one told us about our own package: build
    /// scripts look at it (ring's does), and everything above them would be built anew whenever
    /// somebody calls cargo by hand in between.
    pub(crate) fn cargo<A: AsRef<OsStr>>(args: impl IntoIterator<Item = A>) -> Self {
        let program = std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
        let mut tool = Self::new(program);
        "cargo".clone_into(&mut tool.shown);
        let ours = std::env::vars_os().map(|(name, _)| name);
        for name in ours.filter(|name| is_of_our_package(name)) {
            tool.command.env_remove(name);
        }
        if std::io::stderr().is_terminal() {
            tool = tool.env("CARGO_TERM_COLOR", "always");
        }
        tool.args(args)
    }

    pub(crate) fn args<A: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = A>) -> Self {
        for arg in args {
            self.shown.push(' ');
            self.shown.push_str(&arg.as_ref().to_string_lossy());
            self.command.arg(arg);
        }
        self
    }

    pub(crate) fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// Runs it where the person stands instead, so that paths mean what they typed.
    pub(crate) fn in_this_folder(mut self) -> Self {
        if let Ok(here) = std::env::current_dir() {
            self.command.current_dir(here);
        }
        self
    }

    /// Runs it in this folder instead.
    pub(crate) fn in_folder(mut self, folder: &std::path::Path) -> Self {
        self.command.current_dir(folder);
        self
    }

    /// Lets the program talk to the person at the terminal.
    pub(crate) fn with_terminal(mut self) -> Self {
        self.command.stdin(Stdio::inherit());
        self
    }

    /// Runs to the end with its output on ours.
    pub(crate) fn run(mut self) -> Result<(), Failure> {
        let status = self
            .command
            .status()
            .map_err(|error| self.not_started(&error))?;
        self.judge(status)
    }

    /// Runs to the end with its output on ours, and returns the lines that `keep` wants,
    /// without their colours.
    pub(crate) fn run_keeping(mut self, keep: fn(&str) -> bool) -> Result<Vec<String>, Failure> {
        self.command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = self
            .command
            .spawn()
            .map_err(|error| self.not_started(&error))?;
        let kept = forward(&mut child, keep);
        let status = child.wait().map_err(|error| self.not_started(&error))?;
        self.judge(status)?;
        Ok(kept)
    }

    /// Runs to the end and returns what it printed; its errors go to ours.
    pub(crate) fn output(mut self) -> Result<String, Failure> {
        self.command.stderr(Stdio::inherit());
        let output = self
            .command
            .output()
            .map_err(|error| self.not_started(&error))?;
        self.judge(output.status)?;
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// Runs to the end, however it ends, and returns what it printed.
    pub(crate) fn said(mut self) -> String {
        let output = self.command.stderr(Stdio::inherit()).output();
        output.map_or_else(
            |_| String::new(),
            |output| String::from_utf8_lossy(&output.stdout).into_owned(),
        )
    }

    /// Whether it can be started and ends well; nothing is printed.
    pub(crate) fn succeeds(mut self) -> bool {
        self.command.stdout(Stdio::null()).stderr(Stdio::null());
        self.command.status().is_ok_and(|status| status.success())
    }

    /// What it printed, if it could be started and ended well; its errors are dropped.
    pub(crate) fn quiet_output(mut self) -> Option<String> {
        let output = self.command.stderr(Stdio::null()).output().ok()?;
        output
            .status
            .success()
            .then(|| String::from_utf8_lossy(&output.stdout).into_owned())
    }

    fn judge(&self, status: ExitStatus) -> Result<(), Failure> {
        if status.success() {
            return Ok(());
        }
        let how = match status.code() {
            Some(code) => format!("ended with exit code {code}"),
            None => "was ended by a signal".to_owned(),
        };
        Err(Failure::Program {
            what: self.shown.clone(),
            how,
        })
    }

    fn not_started(&self, error: &std::io::Error) -> Failure {
        Failure::Program {
            what: self.shown.clone(),
            how: format!("could not be started ({error})"),
        }
    }
}

/// Copies both outputs of `child` to ours as they come, a line at a time.
fn forward(child: &mut Child, keep: fn(&str) -> bool) -> Vec<String> {
    let stdout = child.stdout.take();
    let stderr = child.stderr.take();
    std::thread::scope(|scope| {
        let errors = scope.spawn(move || {
            stderr.map_or_else(Vec::new, |from| pass_on(from, std::io::stderr(), keep))
        });
        let mut kept = stdout.map_or_else(Vec::new, |from| pass_on(from, std::io::stdout(), keep));
        kept.extend(errors.join().unwrap_or_default());
        kept
    })
}

fn pass_on(from: impl Read, mut to: impl Write, keep: fn(&str) -> bool) -> Vec<String> {
    let mut kept = Vec::new();
    let mut from = BufReader::new(from);
    let mut line = Vec::new();
    while from.read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
        // Our own output being closed is no reason to stop the program we run.
        let _closed = to.write_all(&line).and_then(|()| to.flush());
        let text = without_colours(&String::from_utf8_lossy(&line));
        if keep(text.trim()) {
            kept.push(text.trim().to_owned());
        }
        line.clear();
    }
    kept
}

/// Removes terminal colour sequences (ECMA-48 CSI … m).
fn without_colours(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("\u{1b}[") {
        plain.push_str(before);
        rest = after.split_once('m').map_or("", |(_, after)| after);
    }
    plain.push_str(rest);
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cargo_says_of_this_package_is_not_passed_on() {
        for name in ["CARGO_MANIFEST_DIR", "CARGO_PKG_VERSION_PRE"] {
            assert!(is_of_our_package(OsStr::new(name)));
        }
        for name in ["CARGO_TARGET_DIR", "CARGO_HOME", "RUSTC_BOOTSTRAP"] {
            assert!(!is_of_our_package(OsStr::new(name)));
        }
    }

    #[test]
    fn colours_are_removed_and_plain_text_is_left_alone() {
        assert_eq!(
            without_colours("\u{1b}[32;1m Summary\u{1b}[0m 3 passed"),
            " Summary 3 passed"
        );
        assert_eq!(without_colours("plain [m] text"), "plain [m] text");
    }
}
