//! Getting a passphrase from a person or from an open file.

use std::fs::File;
use std::io::{self, IsTerminal as _, Read as _, Write as _};

use crossterm::event::{Event, KeyCode, KeyEventKind, KeyModifiers, read};
use crossterm::terminal::{disable_raw_mode, enable_raw_mode};
use sotto_client::Passphrase;

use crate::failure::Failure;

/// Longest passphrase, in bytes.
const LONGEST: usize = 1024;

/// The first line of the open file `fd`. Nothing behind it is read.
pub(crate) fn from_fd(fd: u32) -> Result<Passphrase, Failure> {
    // Unix gives open files names; on Windows there are none.
    let mut file = File::open(format!("/dev/fd/{fd}"))?;
    let mut line = Vec::with_capacity(LONGEST);
    let mut byte = [0];
    while line.len() < LONGEST && file.read(&mut byte)? == 1 {
        match byte {
            [b'\n'] => break,
            [other] => line.push(other),
        }
    }
    if line.last() == Some(&b'\r') {
        line.pop();
    }
    Ok(Passphrase::from(line))
}

/// Asks in the terminal, without showing what is typed.
pub(crate) async fn ask(question: &'static str) -> Result<Passphrase, Failure> {
    if !io::stdin().is_terminal() {
        return Err(Failure::nobody_to_ask(
            "The passphrase",
            "--passphrase-fd N",
        ));
    }
    tokio::task::spawn_blocking(move || ask_here(question))
        .await
        .map_err(|error| Failure::system(&error))?
}

/// Asks twice, until both are the same.
pub(crate) async fn ask_new() -> Result<Passphrase, Failure> {
    loop {
        let first = ask("Passphrase (at least 8 characters): ").await?;
        if first == ask("Once more: ").await? {
            return Ok(first);
        }
        println!("The two differ. Once again, please.");
    }
}

fn ask_here(question: &str) -> Result<Passphrase, Failure> {
    print!("{question}");
    io::stdout().flush()?;
    enable_raw_mode()?;
    let typed = type_unseen();
    disable_raw_mode()?;
    println!();
    typed?.ok_or_else(Failure::cancelled)
}

/// None: the person gave up.
fn type_unseen() -> io::Result<Option<Passphrase>> {
    let mut text = String::with_capacity(LONGEST);
    loop {
        let Event::Key(key) = read()? else { continue };
        if key.kind == KeyEventKind::Release {
            continue;
        }
        let control = key.modifiers.contains(KeyModifiers::CONTROL);
        match key.code {
            KeyCode::Enter => return Ok(Some(Passphrase::new(text))),
            KeyCode::Char('c' | 'd') if control => return Ok(None),
            KeyCode::Char('u') if control => text.clear(),
            KeyCode::Esc => return Ok(None),
            KeyCode::Backspace => {
                text.pop();
            }
            // Within its capacity a String never moves and leaves no copy behind.
            KeyCode::Char(char) if !control && text.len() + char.len_utf8() <= LONGEST => {
                text.push(char);
            }
            _ => {}
        }
    }
}
