//! The log that the shim writes, read back.

use std::path::PathBuf;

/// One operation, in the order in which the process did it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Record {
    /// A file that existed was opened: from now on `file` is what has this name.
    Open {
        file: u64,
        name: PathBuf,
    },
    /// A file was made.
    Create {
        file: u64,
        name: PathBuf,
    },
    Write {
        file: u64,
        offset: u64,
        data: Vec<u8>,
    },
    Truncate {
        file: u64,
        len: u64,
    },
    Sync {
        file: u64,
    },
    SyncFolder {
        name: PathBuf,
    },
    Rename {
        from: PathBuf,
        to: PathBuf,
    },
    Unlink {
        name: PathBuf,
    },
    MakeFolder {
        name: PathBuf,
    },
    /// Syncing failed; what was to be synced counts as clean and is lost.
    SyncFailed {
        file: u64,
    },
}

/// Why a log can't be used.
#[derive(Debug, PartialEq, Eq)]
pub enum Broken {
    /// The shim met an operation that it can't write down.
    Unsupported(String),
    /// Not a log of this shim: our own mistake.
    Malformed(usize),
    /// The folder or the log could not be read.
    Unreadable(String),
}

impl std::fmt::Display for Broken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Unsupported(what) => write!(f, "the process did what can't be played: {what}"),
            Self::Malformed(at) => write!(f, "no record of the shim at byte {at}"),
            Self::Unreadable(why) => write!(f, "{why}"),
        }
    }
}

impl std::error::Error for Broken {}

const MAGIC: u32 = 0x4b53_4944;
const HEAD: usize = 40;

/// Reads all records. A last one that is cut short belongs to a killed process and is left out.
pub(crate) fn read(mut bytes: &[u8]) -> Result<Vec<Record>, Broken> {
    let whole = bytes.len();
    let mut records = Vec::new();
    while bytes.len() >= HEAD {
        let at = whole - bytes.len();
        let Some((head, rest)) = Head::split(bytes) else {
            return Err(Broken::Malformed(at));
        };
        let Some((body, rest)) = rest.split_at_checked(head.name + head.other + head.data) else {
            break;
        };
        records.push(head.record(body, at)?);
        bytes = rest;
    }
    Ok(records)
}

struct Head {
    kind: u32,
    file: u64,
    offset: u64,
    name: usize,
    other: usize,
    data: usize,
}

impl Head {
    fn split(bytes: &[u8]) -> Option<(Self, &[u8])> {
        let (head, rest) = bytes.split_at_checked(HEAD)?;
        let small = |at: usize| Some(u32::from_ne_bytes(head.get(at..at + 4)?.try_into().ok()?));
        let large = |at: usize| Some(u64::from_ne_bytes(head.get(at..at + 8)?.try_into().ok()?));
        if small(0)? != MAGIC {
            return None;
        }
        let head = Self {
            kind: small(4)?,
            file: large(8)?,
            offset: large(16)?,
            name: usize::try_from(small(24)?).ok()?,
            other: usize::try_from(small(28)?).ok()?,
            data: usize::try_from(large(32)?).ok()?,
        };
        Some((head, rest))
    }

    fn record(&self, body: &[u8], at: usize) -> Result<Record, Broken> {
        let (name, rest) = body.split_at_checked(self.name).unwrap_or_default();
        let (other, data) = rest.split_at_checked(self.other).unwrap_or_default();
        let path = |bytes: &[u8]| PathBuf::from(String::from_utf8_lossy(bytes).into_owned());
        let (file, name) = (self.file, path(name));
        Ok(match self.kind {
            1 => Record::Open { file, name },
            2 => Record::Create { file, name },
            3 => Record::Write {
                file,
                offset: self.offset,
                data: data.to_vec(),
            },
            4 => Record::Truncate {
                file,
                len: self.offset,
            },
            5 => Record::Sync { file },
            6 => Record::SyncFolder { name },
            7 => Record::Rename {
                from: name,
                to: path(other),
            },
            8 => Record::Unlink { name },
            9 => Record::MakeFolder { name },
            10 => Record::SyncFailed { file },
            11 => return Err(Broken::Unsupported(name.display().to_string())),
            _ => return Err(Broken::Malformed(at)),
        })
    }
}
