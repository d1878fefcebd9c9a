//! A relay's address: read or refused, and what is read is written in one spelling.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sotto_wire::{RelayAddress, decode, encode};

fuzz_target!(|text: &str| {
    if let Ok(address) = text.parse::<RelayAddress>() {
        assert_eq!(address.to_string().parse(), Ok(address.clone()));
        assert_eq!(decode(&encode(&address), 200), Ok(address));
    }
});
