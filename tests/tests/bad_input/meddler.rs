//! Somebody between a client and a relay without TLS: passes on what both say, and says something
//! else whenever the story wants.

use std::io::{self, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// A WebSocket message as a server sends it (RFC 6455, section 5.2): one frame, not masked.
#[derive(Clone)]
pub(super) struct Message {
    opcode: u8,
    payload: Vec<u8>,
}

impl Message {
    pub(super) fn binary(payload: impl Into<Vec<u8>>) -> Self {
        let (opcode, payload) = (2, payload.into());
        Self { opcode, payload }
    }

    pub(super) fn text(payload: &str) -> Self {
        let (opcode, payload) = (1, payload.as_bytes().to_vec());
        Self { opcode, payload }
    }

    /// "I end this" (section 5.5.1), without a reason.
    pub(super) fn closing() -> Self {
        let (opcode, payload) = (8, Vec::new());
        Self { opcode, payload }
    }

    fn read(from: &mut impl io::Read) -> io::Result<Self> {
        let mut head = [0; 2];
        from.read_exact(&mut head)?;
        let length = match head[1] & 0x7f {
            126 => {
                let mut length = [0; 2];
                from.read_exact(&mut length)?;
                u64::from(u16::from_be_bytes(length))
            }
            127 => {
                let mut length = [0; 8];
                from.read_exact(&mut length)?;
                u64::from_be_bytes(length)
            }
            length => u64::from(length),
        };
        let mut payload = Vec::new();
        from.take(length).read_to_end(&mut payload)?;
        Ok(Self {
            opcode: head[0] & 0x0f,
            payload,
        })
    }

    fn write(&self, to: &mut impl io::Write) -> io::Result<()> {
        let mut out = vec![0x80 | self.opcode];
        match self.payload.len() {
            length @ 0..126 => out.push(length as u8),
            length @ 126..0x1_0000 => {
                out.push(126);
                out.extend_from_slice(&(length as u16).to_be_bytes());
            }
            length => {
                out.push(127);
                out.extend_from_slice(&(length as u64).to_be_bytes());
            }
        }
        out.extend_from_slice(&self.payload);
        to.write_all(&out)
    }
}

/// What the relay's hello becomes.
pub(super) type Hello = Arc<dyn Fn(Vec<u8>) -> Vec<Message> + Send + Sync>;

/// What the meddler does with a connection.
#[derive(Clone)]
pub(super) enum Mode {
    /// Passes everything on.
    Honest,
    /// Answers the HTTP request with this, and nothing else.
    Http(&'static str),
    /// Takes the connection and says nothing.
    Mute,
    /// Asks another relay instead.
    Elsewhere(SocketAddr),
    /// Says something else than the relay's hello; what follows is passed on.
    Hello(Hello),
}

struct Shared {
    relay: SocketAddr,
    mode: Mutex<Mode>,
    open: Mutex<Vec<TcpStream>>,
}

/// The meddler. Its threads end with the test's process.
pub(super) struct Meddler {
    port: u16,
    shared: Arc<Shared>,
}

impl Meddler {
    /// Stands before the relay at `relay` (`host:port`) and is honest at first.
    pub(super) fn before(relay: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared = Arc::new(Shared {
            relay: relay.parse().unwrap(),
            mode: Mutex::new(Mode::Honest),
            open: Mutex::new(Vec::new()),
        });
        let serving = Arc::clone(&shared);
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let shared = Arc::clone(&serving);
                shared
                    .open
                    .lock()
                    .unwrap()
                    .push(client.try_clone().unwrap());
                let mode = shared.mode.lock().unwrap().clone();
                std::thread::spawn(move || {
                    // Whoever hangs up ends it for both.
                    let _ = serve(&shared, &client, &mode);
                    let _ = client.shutdown(Shutdown::Both);
                });
            }
        });
        Self { port, shared }
    }

    /// The relay's address, with the meddler in the relay's place.
    pub(super) fn address(&self, relay: &str) -> String {
        let (_, identity) = relay.split_once('#').unwrap();
        format!("sotto-relay+plain://127.0.0.1:{}#{identity}", self.port)
    }

    /// From now on like this; connections that stand are cut.
    pub(super) fn set(&self, mode: Mode) {
        *self.shared.mode.lock().unwrap() = mode;
        for connection in self.shared.open.lock().unwrap().drain(..) {
            let _ = connection.shutdown(Shutdown::Both);
        }
    }
}

fn serve(shared: &Shared, mut client: &TcpStream, mode: &Mode) -> io::Result<()> {
    let relay = match mode {
        Mode::Http(answer) => {
            head(&mut client)?;
            return client.write_all(answer.as_bytes());
        }
        Mode::Mute => {
            return io::copy(&mut client, &mut io::sink()).map(drop);
        }
        Mode::Elsewhere(relay) => *relay,
        Mode::Honest | Mode::Hello(_) => shared.relay,
    };
    let relay = TcpStream::connect(relay)?;
    shared.open.lock().unwrap().push(relay.try_clone()?);
    relay.set_nodelay(true)?;
    client.set_nodelay(true)?;
    let (mut up_from, mut up_to) = (client.try_clone()?, relay.try_clone()?);
    std::thread::spawn(move || {
        let _ = io::copy(&mut up_from, &mut up_to);
        let _ = up_to.shutdown(Shutdown::Both);
    });
    let mut relay = io::BufReader::new(relay);
    client.write_all(&head(&mut relay)?)?;
    let hello = Message::read(&mut relay)?;
    match mode {
        Mode::Hello(change) => {
            for message in change(hello.payload) {
                message.write(&mut client)?;
            }
        }
        _ => hello.write(&mut client)?,
    }
    loop {
        Message::read(&mut relay)?.write(&mut client)?;
    }
}

/// An HTTP head, with the empty line that ends it.
fn head(from: &mut impl io::Read) -> io::Result<Vec<u8>> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        from.read_exact(&mut byte)?;
        head.push(byte[0]);
    }
    Ok(head)
}
