//! Windows or pages: shown until both are closed, or until Ctrl+C.

use std::time::Duration;

use crate::failure::Failure;

use super::Through;
use super::people::Person;

/// How often it is looked whether somebody came or went.
const PAUSE: Duration = Duration::from_millis(200);

pub(super) fn watch(alice: Person, bob: Person, through: Through) -> Result<(), Failure> {
    if through == Through::Window {
        println!(
            "\nType in one window, read in the other. Close both, or press Ctrl+C here, to end."
        );
    } else {
        println!(
            "\nThere are two pages for browsers on this machine. Each address works once; another\n\
             follows for a further tab or browser. Press Ctrl+C here to end."
        );
    }
    let mut here = vec![alice, bob];
    while !here.is_empty() {
        for person in &mut here {
            if through == Through::Browser
                && let Some(address) = person.address(PAUSE)
            {
                println!("  {:>5}  {address}", person.name());
            }
        }
        if through == Through::Window {
            std::thread::sleep(PAUSE);
        }
        here.retain_mut(|person| !person.has_left());
    }
    println!("Everything has been ended and removed.");
    Ok(())
}
