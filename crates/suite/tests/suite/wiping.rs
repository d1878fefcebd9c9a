//! Whether secrets are gone from memory after use: the process searches its own
//! memory, also what was freed, through `/proc/self/mem`.

use std::fs::{self, File};
use std::io::{Read as _, Seek as _, SeekFrom};
use std::sync::{Mutex, MutexGuard, PoisonError};

use sotto_suite::Secret;
use sotto_suite::{FernetKey, RandomExt as _, SystemRandom, kdf, record};

/// A secret to search for, kept inverted so that the search doesn't find itself.
struct Needle([u8; 16]);

impl Needle {
    /// The last 16 bytes: allocators write into the first of what is freed.
    fn of(secret: &[u8; 32]) -> Self {
        let mut inverted = [0; 16];
        for (to, from) in inverted.iter_mut().zip(&secret[16..]) {
            *to = !from;
        }
        Self(inverted)
    }

    /// How often it occurs in writable memory outside the stacks.
    fn count(&self) -> usize {
        let maps = fs::read_to_string("/proc/self/maps").unwrap();
        let mut memory = File::open("/proc/self/mem").unwrap();
        let mut buffer = vec![0_u8; 1 << 20];
        let own = buffer.as_ptr() as usize;
        let mut found = 0;
        for line in maps.lines().filter(|line| line.contains(" rw-p ")) {
            let (range, _) = line.split_once(' ').unwrap();
            let (start, end) = range.split_once('-').unwrap();
            let mut at = usize::from_str_radix(start, 16).unwrap();
            let end = usize::from_str_radix(end, 16).unwrap();
            let here = core::ptr::from_ref(&found) as usize;
            if (at..end).contains(&here) || line.ends_with("[stack]") {
                continue;
            }
            while at < end {
                // Never the buffer itself, which holds what was read before.
                let stop = if at < own { end.min(own) } else { end };
                if (own..own + buffer.len()).contains(&at) {
                    at = own + buffer.len();
                    continue;
                }
                let len = buffer.len().min(stop - at);
                memory.seek(SeekFrom::Start(at as u64)).unwrap();
                let Ok(read) = memory.read(&mut buffer[..len]) else {
                    break;
                };
                if read == 0 {
                    break;
                }
                for byte in &mut buffer[..read] {
                    *byte = !*byte;
                }
                found += buffer[..read]
                    .windows(16)
                    .filter(|window| *window == self.0)
                    .count();
                // Overlap, so that nothing hides on a border.
                at += if read == len && at + read < stop {
                    read - 15
                } else {
                    read
                };
            }
        }
        found
    }
}

/// One search at a time: another's buffer would be searched half read.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn random() -> Secret<32> {
    SystemRandom::new().secret()
}

#[test]
fn the_search_finds_what_is_there_and_what_was_freed() {
    let _alone = alone();
    let secret = random();
    let needle = Needle::of(secret.expose());
    assert_eq!(needle.count(), 1);
    // Many copies, of which the allocator and the search itself may reuse some.
    let copies: Vec<_> = (0..64).map(|_| secret.expose().to_vec()).collect();
    assert_eq!(needle.count(), 65);
    drop(copies);
    assert!(needle.count() > 1, "freed, not wiped");
}

#[test]
fn a_dropped_secret_is_gone() {
    let _alone = alone();
    let secret = random();
    let needle = Needle::of(secret.expose());
    let (clone, moved) = (secret.clone(), secret);
    assert_eq!(needle.count(), 2);
    drop(clone);
    assert_eq!(needle.count(), 1);
    drop(moved);
    assert_eq!(needle.count(), 0);
}

#[test]
fn a_derived_key_is_gone() {
    let _alone = alone();
    let derived = kdf::derive(&random(), "test", &[]);
    let needle = Needle::of(derived.expose());
    drop(derived);
    assert_eq!(needle.count(), 0);
}

#[test]
fn a_token_key_is_gone_after_sealing_and_opening() {
    let _alone = alone();
    let (key, nonce) = (random(), [1; 12]);
    let needle = Needle::of(
        record::record_key(key.expose(), &nonce, b"")
            .secret()
            .expose(),
    );
    let token = record::seal(&key, &nonce, b"", b"text");
    assert_eq!(needle.count(), 0);
    let opened = record::open(&key, &nonce, b"", &token).unwrap();
    assert_eq!(needle.count(), 0);
    drop(opened);
    let key = FernetKey::new(random());
    let needle = Needle::of(key.secret().expose());
    assert_eq!(*key.open(key.seal(b"text").as_bytes()).unwrap(), b"text");
    assert_eq!(needle.count(), 1, "only where it is kept");
}

#[test]
fn an_opened_text_is_gone() {
    let _alone = alone();
    let (key, text) = (FernetKey::new(random()), random());
    let needle = Needle::of(text.expose());
    let token = key.seal(text.expose());
    drop(text);
    assert_eq!(needle.count(), 0, "sealing keeps no copy");
    let opened = key.open(token.as_bytes()).unwrap();
    assert_eq!(needle.count(), 1);
    drop(opened);
    assert_eq!(needle.count(), 0);
}
