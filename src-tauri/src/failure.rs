//! How the program ends when it can't go on: three sentences on standard error.

use std::fmt::Display;
use std::path::Path;
use std::process::ExitCode;

use sotto_client::contract::Problem;

/// Why there is no window.
#[derive(Debug)]
pub(crate) struct Failure(Problem);

impl Failure {
    /// There is no screen to show a window on.
    pub(crate) fn no_display(how: &str) -> Self {
        Self(Problem {
            code: "display_missing".into(),
            happened: format!("There is no screen to show a window on ({how})."),
            safe: "Nothing was opened or changed.".into(),
            next: "Start Sotto from your desktop, or use `sotto chat` in this terminal.".into(),
        })
    }

    /// The system does not say where a program may keep its data.
    pub(crate) fn no_data_folder() -> Self {
        Self(Problem {
            code: "data_folder".into(),
            happened: "This system does not say where a program may keep its data.".into(),
            safe: "Nothing was made or changed.".into(),
            next: "Say where: --data DIR.".into(),
        })
    }

    /// The folder is named, but can't be used.
    pub(crate) fn data_folder(folder: &Path, why: &dyn Display) -> Self {
        Self(Problem {
            code: "data_folder".into(),
            happened: format!("The folder {} can't be used ({why}).", folder.display()),
            safe: "Nothing in it was changed.".into(),
            next: "Check that it is yours and can be written to, or choose another: --data DIR."
                .into(),
        })
    }

    /// The window or what shows pages in it could not be had.
    pub(crate) fn window(why: &dyn Display) -> Self {
        Self(Problem {
            code: "window".into(),
            happened: format!("The window could not be opened ({why})."),
            safe: "Your profiles are untouched.".into(),
            next:
                "Check that the system's web view is installed (WebKitGTK 4.1 on Linux, WebView2 \
                   on Windows), then try again."
                    .into(),
        })
    }

    /// Says it on standard error.
    pub(crate) fn report(&self) -> ExitCode {
        let Problem {
            code,
            happened,
            safe,
            next,
        } = &self.0;
        eprintln!("sotto-app: {happened} {safe} {next} [{code}]");
        ExitCode::FAILURE
    }
}
