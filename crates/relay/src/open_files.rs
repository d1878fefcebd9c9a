//! How many files this process may have open: every connection is one.

/// What a relay has open beside its connections: store, blobs, logs, listeners.
const OTHERS: u64 = 256;

/// Asks the system for as many as it grants without being root, and answers with how many that is.
/// A shell commonly starts programs with 1,024. None where there is no such limit.
pub(crate) fn raise() -> Option<u64> {
    #[cfg(unix)]
    {
        use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
        let before = getrlimit(Resource::Nofile);
        let most = Rlimit {
            current: before.maximum,
            maximum: before.maximum,
        };
        match setrlimit(Resource::Nofile, most) {
            Ok(()) => most.current,
            Err(_) => before.current,
        }
    }
    #[cfg(not(unix))]
    {
        None
    }
}

/// How many may be open, if that is too few for so many connections.
pub(crate) fn too_few(allowed: Option<u64>, connections: usize) -> Option<u64> {
    allowed.filter(|allowed| *allowed < connections as u64 + OTHERS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_connection_is_a_file_and_there_are_others() {
        assert_eq!(too_few(Some(1024), 5_000), Some(1024));
        assert_eq!(too_few(Some(5_000), 5_000), Some(5_000));
        assert_eq!(too_few(Some(5_256), 5_000), None);
        assert_eq!(too_few(None, 5_000), None);
    }

    #[cfg(unix)]
    #[test]
    fn what_is_raised_is_the_most_there_is() {
        let raised = raise();
        let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
        assert_eq!((raised, limit.current), (limit.maximum, limit.maximum));
    }
}
