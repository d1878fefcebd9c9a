//! What lies between people and the relay.

use std::fs;
use std::path::{Path, PathBuf};

use sotto_tests::{Failure, RelayProcess, Stage};

use crate::namespaces::Namespaces;
use crate::plan::{PEOPLE, Trouble};
use crate::proxy::{Damage, Proxy};

/// Which network.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Kind {
    /// A proxy on this machine, which cuts, swallows, slows and corrupts.
    #[default]
    Proxy,
    /// Network namespaces: a machine of their own for everybody. Linux, and only root may.
    Namespaces,
}

impl Kind {
    /// A word for it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Proxy => "proxy",
            Self::Namespaces => "namespaces",
        }
    }

    /// Whether this machine has it and this user may.
    #[must_use]
    pub fn is_possible(self) -> bool {
        self == Self::Proxy || Namespaces::allowed()
    }
}

#[derive(Debug)]
pub(crate) enum Network {
    Proxy(Proxy),
    Namespaces(Namespaces),
}

impl Network {
    /// The network, and the relay at its other end.
    pub(crate) fn with_relay(kind: Kind, stage: &Stage) -> Result<(Self, RelayProcess), Failure> {
        match kind {
            Kind::Proxy => {
                let relay = stage.relay("relay")?;
                let broken = |what: String| Failure::Broken(format!("the proxy: {what}"));
                let target = relay.host_port().parse();
                let target = target.map_err(|error| broken(format!("{error}")))?;
                let proxy = Proxy::start(target, PEOPLE.len());
                let proxy = proxy.map_err(|error| broken(error.to_string()))?;
                Ok((Self::Proxy(proxy), relay))
            }
            Kind::Namespaces => {
                let namespaces = Namespaces::make()?;
                let relay = namespaces.relay(stage)?;
                Ok((Self::Namespaces(namespaces), relay))
            }
        }
    }

    /// The program that a person starts.
    pub(crate) fn client(&self, stage: &Stage, who: usize) -> Result<PathBuf, Failure> {
        match self {
            Self::Proxy(_) => Ok(stage.programs().sotto.clone()),
            Self::Namespaces(namespaces) => namespaces.client(stage, who),
        }
    }

    /// The relay's address as this person knows it.
    pub(crate) fn address(&self, relay: &RelayProcess, who: usize) -> String {
        match self {
            // The identity behind the sign is what a client trusts, not the place before it.
            Self::Proxy(proxy) => {
                let port = format!("127.0.0.1:{}", proxy.port(who));
                relay.address().replace(relay.host_port(), &port)
            }
            Self::Namespaces(_) => relay.address().to_owned(),
        }
    }

    /// Something begins to go wrong on somebody's road. Says what was done.
    pub(crate) fn begin(
        &mut self,
        who: usize,
        trouble: Trouble,
        number: u64,
    ) -> Result<String, Failure> {
        match self {
            Self::Proxy(proxy) => Ok(proxy.begin(who, trouble, number)),
            Self::Namespaces(namespaces) => namespaces.begin(who, trouble),
        }
    }

    /// What lasts ends. False: this does not end by itself.
    pub(crate) fn end(&mut self, who: usize, trouble: Trouble) -> Result<bool, Failure> {
        match self {
            Self::Proxy(proxy) => Ok(proxy.end(who, trouble)),
            Self::Namespaces(namespaces) => namespaces.end(who, trouble).map(|()| true),
        }
    }

    /// Everybody has a good network from now on. What was spoilt before stays for somebody to
    /// notice.
    pub(crate) fn mend(&mut self) -> Result<(), Failure> {
        match self {
            Self::Proxy(proxy) => {
                proxy.mend();
                Ok(())
            }
            Self::Namespaces(namespaces) => namespaces.mend(),
        }
    }

    /// What was done to connections, as far as the network knows of them.
    pub(crate) fn damage(&self) -> Damage {
        match self {
            Self::Proxy(proxy) => proxy.damage(),
            Self::Namespaces(_) => Damage::default(),
        }
    }
}

/// A program that runs another one somewhere else, with the same arguments and under the same id.
pub(crate) fn wrapper(at: &Path, before: &str, program: &Path) -> Result<(), Failure> {
    let script = format!("#!/bin/sh\nexec {before} '{}' \"$@\"\n", program.display());
    let failed = |error| Failure::File {
        path: at.to_owned(),
        error,
    };
    fs::write(at, script).map_err(failed)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        fs::set_permissions(at, fs::Permissions::from_mode(0o755)).map_err(failed)?;
    }
    Ok(())
}
