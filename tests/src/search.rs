//! Looking for known bytes in a heap of others.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::Path;

use crate::Failure;

/// Shorter ones would be found by chance.
const SHORTEST: usize = 8;

/// What is looked for. Two to the sixteenth first bytes are told apart by a table, the rest by a
/// map of the first eight, so that thousands cost hardly more than one.
#[derive(Debug)]
pub struct Needles {
    first_two: Vec<bool>,
    by_head: BTreeMap<[u8; SHORTEST], Vec<(String, Vec<u8>)>>,
    count: usize,
    longest: usize,
}

/// Something that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// What.
    pub what: String,
    /// At which byte of the heap.
    pub at: u64,
}

impl Default for Needles {
    fn default() -> Self {
        Self {
            first_two: vec![false; 1 << 16],
            by_head: BTreeMap::new(),
            count: 0,
            longest: 0,
        }
    }
}

impl Needles {
    /// Looks for `bytes` too, and calls them `what`. Those shorter than eight bytes are left out:
    /// they stand in any heap.
    pub fn add(&mut self, what: &str, bytes: &[u8]) {
        let Some(head) = bytes.first_chunk::<SHORTEST>() else {
            return;
        };
        if let Some(seen) = self.first_two.get_mut(pair(bytes)) {
            *seen = true;
        }
        self.count += 1;
        self.longest = self.longest.max(bytes.len());
        let same_head = self.by_head.entry(*head).or_default();
        same_head.push((what.to_owned(), bytes.to_vec()));
    }

    /// How many are looked for.
    #[must_use]
    pub fn count(&self) -> usize {
        self.count
    }

    /// All that stand in `heap`; of each only the first place. `base` is added to places.
    #[must_use]
    pub fn search(&self, heap: &[u8], base: u64) -> Vec<Found> {
        let mut found: Vec<Found> = Vec::new();
        for (at, window) in heap.windows(SHORTEST).enumerate() {
            if self.first_two.get(pair(window)) != Some(&true) {
                continue;
            }
            let Some(candidates) = <[u8; SHORTEST]>::try_from(window)
                .ok()
                .and_then(|head| self.by_head.get(&head))
            else {
                continue;
            };
            let rest = heap.get(at..).unwrap_or_default();
            for (what, bytes) in candidates {
                if rest.starts_with(bytes) && !found.iter().any(|found| found.what == *what) {
                    let at = base + at as u64;
                    let what = what.clone();
                    found.push(Found { what, at });
                }
            }
        }
        found
    }

    /// All that stand in the file, which is read piece by piece.
    ///
    /// # Errors
    /// It can't be read.
    pub fn search_file(&self, path: &Path) -> Result<Vec<Found>, Failure> {
        let mut file = std::fs::File::open(path).map_err(Failure::file(path))?;
        let mut heap = Vec::new();
        let (mut base, mut found) = (0, Vec::new());
        loop {
            let read = (&mut file).take(1 << 22).read_to_end(&mut heap);
            let read = read.map_err(Failure::file(path))?;
            found.extend(self.search(&heap, base));
            if read == 0 {
                found.dedup_by(|a, b| a.what == b.what);
                return Ok(found);
            }
            // What begins in this piece may end in the next.
            let done = heap.len().saturating_sub(self.longest);
            base += done as u64;
            heap.drain(..done);
        }
    }
}

fn pair(bytes: &[u8]) -> usize {
    match bytes {
        [a, b, ..] => usize::from(u16::from_be_bytes([*a, *b])),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_what_is_there_and_nothing_else() {
        let mut needles = Needles::default();
        needles.add("one", b"needle one");
        needles.add("two", b"needle two");
        needles.add("short", b"nee");
        assert_eq!(needles.count(), 2);
        let found = needles.search(b"hay hay needle two hay needle t", 100);
        let what = "two".to_owned();
        assert_eq!(found, [Found { what, at: 108 }]);
    }

    #[test]
    fn finds_across_the_pieces_of_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("heap");
        let mut heap = vec![b'.'; 1 << 22];
        let at = heap.len() - 4;
        heap.splice(at.., *b"needle one");
        std::fs::write(&path, &heap).unwrap();
        let mut needles = Needles::default();
        needles.add("one", b"needle one");
        let found = needles.search_file(&path).unwrap();
        assert_eq!(found.first().unwrap().at, at as u64);
    }
}
