//! Both terminals for the person at this one: side by side in tmux, or as two lines to type.

use std::process::{Command, Stdio};

use crate::failure::Failure;

use super::Programs;
use super::folder::Throwaway;
use super::people::Away;

/// Opens both and returns when both are closed.
pub(super) fn open(
    programs: &Programs,
    folder: &Throwaway,
    relay: &str,
    alice: &Away,
    bob: &Away,
) -> Result<(), Failure> {
    let chat = |person: &Away| {
        let program = quoted(&programs.sotto.to_string_lossy());
        let data = quoted(&person.data.to_string_lossy());
        let passphrase = quoted(&folder.passphrase_file().to_string_lossy());
        let (profile, relay) = (quoted(&person.profile), quoted(relay));
        format!(
            "{program} chat --data {data} --profile {profile} --relay {relay} --passphrase-fd 3 3<{passphrase}"
        )
    };
    let (left, right) = (chat(alice), chat(bob));
    if Command::new("tmux")
        .arg("-V")
        .stdout(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
    {
        return side_by_side(&left, &right, alice.name, bob.name);
    }
    println!("tmux is not here to show both. Open two more terminals and type into them:\n");
    println!("{left}\n\n{right}\n");
    println!("Press Enter here when you are done; the relay ends then.");
    let _closed = std::io::stdin().read_line(&mut String::new());
    Ok(())
}

/// A tmux of its own: no configuration or session of the person's is touched.
fn side_by_side(left: &str, right: &str, left_name: &str, right_name: &str) -> Result<(), Failure> {
    let server = format!("sotto-{}", std::process::id());
    let tmux = |args: &[&str]| {
        let mut command = Command::new("tmux");
        command
            .args(["-L", &server, "-f", "/dev/null"])
            .args(args)
            .env_remove("TMUX");
        command
    };
    let hint = format!(
        " {left_name} | {right_name}   Ctrl+B then an arrow, or the mouse: other side   /help   /quit "
    );
    let begin = [
        "new-session",
        "-s",
        "sotto",
        left,
        ";",
        "split-window",
        "-h",
        right,
        ";",
        "set-option",
        "-g",
        "mouse",
        "on",
        ";",
        "set-option",
        "-g",
        "status-left",
        "",
        ";",
        "set-option",
        "-g",
        "status-right",
        "",
        ";",
        "set-option",
        "-g",
        "window-status-current-format",
        &hint,
        ";",
        "set-option",
        "-g",
        "destroy-unattached",
        "on",
        ";",
        "select-pane",
        "-L",
    ];
    let status = tmux(&begin).status();
    let _ended = tmux(&["kill-server"]).stderr(Stdio::null()).status();
    match status {
        Ok(status) if status.success() => Ok(()),
        _ => Err(Failure::Program {
            what: "tmux".to_owned(),
            how: "could not show the terminals".to_owned(),
        }),
    }
}

/// One word for a POSIX shell.
fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_with_quotes_and_spaces_stays_one_word() {
        assert_eq!(quoted("it's here"), r"'it'\''s here'");
    }
}
