//! What an engine has to do here: the relay's append, its page, and its letting go.

use crate::{BODY, MARK};

/// An entry on its way into a store.
pub struct Entry {
    pub channel: u64,
    pub position: u64,
    /// Answers a repetition; random in life, so spread over the whole range here.
    pub append: [u8; 16],
    pub body: Vec<u8>,
}

impl Entry {
    /// Entry `number`, in one of `channels`.
    pub fn new(number: u64, channels: u64, kind: u64) -> Self {
        let spread = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let mut append = [0; 16];
        append[..8].copy_from_slice(&spread.to_be_bytes());
        append[8..].copy_from_slice(&kind.to_be_bytes());
        // Sealed bodies don't compress.
        let mut state = spread | 1;
        let mut body = Vec::with_capacity(BODY + 8);
        body.extend_from_slice(MARK);
        while body.len() < BODY {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            body.extend_from_slice(&state.to_le_bytes());
        }
        body.truncate(BODY);
        Self {
            channel: (spread >> 16) % channels.max(1),
            position: number,
            append,
            body,
        }
    }

    pub fn place(&self) -> [u8; 16] {
        let mut place = [0; 16];
        place[..8].copy_from_slice(&self.channel.to_be_bytes());
        place[8..].copy_from_slice(&self.position.to_be_bytes());
        place
    }

    pub fn trace(&self) -> [u8; 24] {
        let mut trace = [0; 24];
        trace[..8].copy_from_slice(&self.channel.to_be_bytes());
        trace[8..].copy_from_slice(&self.append);
        trace
    }
}

pub trait Engine {
    /// Durable when it returns.
    fn append(&mut self, group: &[Entry]);
    /// Entries appended so far.
    fn count(&self) -> u64;
    /// Reads up to `limit` bodies of a channel, from its start; how many there were.
    fn page(&mut self, channel: u64, limit: usize) -> usize;
    /// Deletes bodies and keeps their traces; durable when it returns.
    fn let_go(&mut self, group: &[Entry]);
    /// Deletes every body that is left.
    fn forget_all(&mut self);
    /// Does whatever the engine offers to get rid of what was deleted.
    fn settle(&mut self);
}
