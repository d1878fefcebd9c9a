//! What the servers ask for before they let a relay in.

use std::fmt;

use async_nats::ConnectOptions;
use zeroize::Zeroizing;

use super::{NatsOptions, OpenError};

/// `user:password`, or a token. Wiped when dropped, never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Login(Zeroizing<String>);

impl Login {
    pub(super) fn new(text: &str) -> Self {
        Self(Zeroizing::new(text.trim().to_owned()))
    }

    fn of(self, connect: ConnectOptions) -> ConnectOptions {
        match self.0.split_once(':') {
            Some((user, password)) => connect.user_and_password(user.into(), password.into()),
            None => connect.token(self.0.as_str().into()),
        }
    }
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Login(…)")
    }
}

/// With what the servers ask for. A file that is named goes before what stood in the address.
pub(super) fn credentials(options: &NatsOptions) -> Result<ConnectOptions, OpenError> {
    let mut connect = ConnectOptions::new();
    if let Some(path) = &options.authorities {
        connect = connect.add_root_certificates(path.clone());
    }
    let login = match &options.credentials {
        Some(path) => {
            let text = std::fs::read_to_string(path).map(Zeroizing::new);
            let text = text.map_err(|error| OpenError::File {
                path: path.clone(),
                error,
            })?;
            Some(Login::new(&text))
        }
        None => options.login.clone(),
    };
    Ok(match login {
        Some(login) => login.of(connect),
        None => connect,
    })
}
