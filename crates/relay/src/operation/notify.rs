//! Tells systemd how far the process is (sd_notify(3)), where a unit asks for it.

/// Says it, if anybody listens. That nobody does is no error.
pub(super) fn tell(what: &str) {
    #[cfg(target_os = "linux")]
    {
        use std::os::linux::net::SocketAddrExt as _;
        use std::os::unix::net::{SocketAddr, UnixDatagram};
        let Ok(name) = std::env::var("NOTIFY_SOCKET") else {
            return;
        };
        let address = match name.strip_prefix('@') {
            Some(hidden) => SocketAddr::from_abstract_name(hidden),
            None => SocketAddr::from_pathname(&name),
        };
        let told = address
            .and_then(|address| UnixDatagram::unbound()?.send_to_addr(what.as_bytes(), &address));
        if let Err(error) = told {
            tracing::debug!(%error, "nobody could be told");
        }
    }
    #[cfg(not(target_os = "linux"))]
    let _ = what;
}
