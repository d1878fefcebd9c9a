//! An invite: read or refused, and what is read fits into a link that reads back.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sotto_wire::{Invite, limits};

fuzz_target!(|text: &str| {
    if let Ok(invite) = text.parse::<Invite>() {
        assert!(invite.link().len() <= limits::MAX_INVITE_LINK);
        assert_eq!(invite.link().parse(), Ok(invite.clone()));
        assert_eq!(invite.app_link().parse(), Ok(invite));
    }
});
