//! Bytes that decide, in tests and fuzz targets.

use sotto_wire::Lane;

/// Taken from the front; zeros when there are none left.
pub struct Chosen<'a>(&'a [u8]);

impl<'a> Chosen<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What is left.
    pub fn rest(&self) -> &'a [u8] {
        self.0
    }

    pub fn byte(&mut self) -> u8 {
        let (byte, rest) = self.0.split_first().unwrap_or((&0, &[]));
        self.0 = rest;
        *byte
    }

    pub fn number(&mut self) -> i64 {
        let mut number = [0; 8];
        number.fill_with(|| self.byte());
        i64::from_be_bytes(number)
    }

    pub fn bytes(&mut self) -> &'a [u8] {
        let length = usize::from(self.byte()).min(self.0.len());
        let (bytes, rest) = self.0.split_at(length);
        self.0 = rest;
        bytes
    }

    pub fn lane(&mut self) -> Lane {
        match self.byte() % 4 {
            0 => Lane::Handshake,
            1 => Lane::Ephemeral,
            _ => Lane::Chat,
        }
    }
}
