//! How long things may take.

use std::time::Duration;

/// Deadlines and pauses of a connection. The defaults are for real networks; tests shorten them.
#[derive(Clone, Copy, Debug)]
pub struct Timing {
    /// From the first packet to a standing WebSocket.
    pub connect: Duration,
    /// From there to a verified hello.
    pub hello: Duration,
    /// How often to ask with a ping, when nothing was heard or something was sent meanwhile.
    pub ping: Duration,
    /// A relay that was silent for so long, or left a ping without answer, is given up.
    pub silence: Duration,
    /// The pause after the first failure; it doubles with each further one.
    pub pause_min: Duration,
    /// The longest pause.
    pub pause_max: Duration,
    /// A connection that stood so long makes the next pause the shortest again.
    pub stable: Duration,
    /// How long a goodbye may take.
    pub close: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            hello: Duration::from_secs(10),
            ping: Duration::from_secs(20),
            silence: Duration::from_secs(50),
            pause_min: Duration::from_millis(200),
            pause_max: Duration::from_secs(30),
            stable: Duration::from_secs(30),
            close: Duration::from_secs(1),
        }
    }
}
