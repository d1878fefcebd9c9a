//! The proxy does what it says: each trouble, seen from both ends.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "tests stop at the first surprise"
)]

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

use sotto_chaos::plan::{Trouble, Way};
use sotto_chaos::proxy::{Damage, Proxy};

/// Long enough for a byte on this machine, however busy.
const PATIENCE: Duration = Duration::from_secs(20);
/// Nothing that comes within this would have come later.
const SILENCE: Duration = Duration::from_millis(300);

struct Ends {
    proxy: Proxy,
    relay: TcpListener,
    near: TcpStream,
    far: TcpStream,
}

/// A proxy with one road and one connection on it.
fn ends() -> Ends {
    let relay = TcpListener::bind("127.0.0.1:0").unwrap();
    let proxy = Proxy::start(relay.local_addr().unwrap(), 1).unwrap();
    let (near, far) = connect(&proxy, &relay);
    Ends {
        proxy,
        relay,
        near,
        far,
    }
}

fn connect(proxy: &Proxy, relay: &TcpListener) -> (TcpStream, TcpStream) {
    let mut near = TcpStream::connect(("127.0.0.1", proxy.port(0))).unwrap();
    let (mut far, _) = relay.accept().unwrap();
    for end in [&near, &far] {
        end.set_read_timeout(Some(PATIENCE)).unwrap();
    }
    assert_eq!(pass(&mut near, &mut far, b"hello"), b"hello");
    (near, far)
}

/// What arrives of it.
fn pass(from: &mut TcpStream, to: &mut TcpStream, bytes: &[u8]) -> Vec<u8> {
    from.write_all(bytes).unwrap();
    let mut came = vec![0; bytes.len()];
    to.read_exact(&mut came).unwrap();
    came
}

fn until(proxy: &Proxy, wanted: impl Fn(Damage) -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !wanted(proxy.damage()) {
        assert!(Instant::now() < deadline, "{:?}", proxy.damage());
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn hears_nothing(end: &mut TcpStream) {
    end.set_read_timeout(Some(SILENCE)).unwrap();
    let error = end.read(&mut [0]).unwrap_err();
    assert!(matches!(
        error.kind(),
        ErrorKind::WouldBlock | ErrorKind::TimedOut
    ));
    end.set_read_timeout(Some(PATIENCE)).unwrap();
}

#[test]
fn what_is_well_is_carried_both_ways() {
    let Ends {
        proxy: _proxy,
        relay: _relay,
        mut near,
        mut far,
    } = ends();
    let large: Vec<u8> = (0..200_000_u32).map(|n| n as u8).collect();
    let sent = large.clone();
    let (mut writer, reader) = (near.try_clone().unwrap(), &mut far);
    let writing = std::thread::spawn(move || writer.write_all(&sent).unwrap());
    let mut came = vec![0; large.len()];
    reader.read_exact(&mut came).unwrap();
    writing.join().unwrap();
    assert!(came == large);
    assert_eq!(pass(&mut far, &mut near, b"answer"), b"answer");
    drop(near);
    assert_eq!(far.read(&mut [0]).unwrap(), 0, "an end is carried too");
}

#[test]
fn a_cut_ends_both_sides_and_the_next_connection_stands() {
    for abruptly in [false, true] {
        let Ends {
            proxy,
            relay,
            mut near,
            mut far,
        } = ends();
        proxy.begin(0, Trouble::Cut { abruptly }, 0);
        for end in [&mut near, &mut far] {
            match end.read(&mut [0]) {
                Ok(0) if !abruptly => {}
                Err(error) if abruptly && error.kind() == ErrorKind::ConnectionReset => {}
                other => panic!("{abruptly}: {other:?}"),
            }
        }
        connect(&proxy, &relay);
        assert_eq!(proxy.damage().connections, 2);
    }
}

#[test]
fn what_is_swallowed_never_comes_and_its_end_neither() {
    let Ends {
        proxy,
        relay: _relay,
        mut near,
        mut far,
    } = ends();
    let mute = Trouble::HalfOpen {
        to_relay: true,
        from_relay: false,
    };
    proxy.begin(0, mute, 0);
    near.write_all(b"lost").unwrap();
    hears_nothing(&mut far);
    assert_eq!(pass(&mut far, &mut near, b"answer"), b"answer");
    proxy.end(0, mute);
    drop(near);
    hears_nothing(&mut far);
    assert_eq!(proxy.damage().swallowed, 4);
}

#[test]
fn two_bytes_are_changed_once_and_it_is_known_until_the_connection_ends() {
    let Ends {
        proxy,
        relay: _relay,
        mut near,
        mut far,
    } = ends();
    proxy.begin(0, Trouble::Corrupt(Way::FromRelay), 5);
    assert_eq!(pass(&mut near, &mut far, b"untouched"), b"untouched");
    let came = pass(&mut far, &mut near, b"answer");
    let changed = came.iter().zip(b"answer").filter(|(a, b)| a != b).count();
    assert_eq!(changed, 2);
    assert_eq!(pass(&mut far, &mut near, b"answer"), b"answer");
    let damage = proxy.damage();
    assert_eq!((damage.corrupted, damage.unnoticed), (1, 1));
    drop(near);
    assert_eq!(far.read(&mut [0]).unwrap(), 0);
    until(&proxy, |damage| damage.unnoticed == 0);
    assert_eq!(proxy.damage().corrupted, 1);
}

#[test]
fn a_slow_road_is_slow_until_it_is_mended() {
    let Ends {
        proxy,
        relay: _relay,
        mut near,
        mut far,
    } = ends();
    proxy.begin(0, Trouble::Slow(2_000), 0);
    // The first load may have been under way before.
    pass(&mut near, &mut far, b"first");
    let began = Instant::now();
    pass(&mut near, &mut far, &[7; 2_000]);
    assert!(began.elapsed() > Duration::from_millis(700));
    proxy.mend();
    pass(&mut near, &mut far, &[7; 100_000]);
    assert!(began.elapsed() < PATIENCE);
}

#[test]
fn a_closed_road_ends_what_stands_and_takes_nobody_until_it_is_open() {
    let Ends {
        proxy,
        relay,
        mut near,
        far: _far,
    } = ends();
    proxy.begin(0, Trouble::Closed, 0);
    assert!(near.read(&mut [0]).is_err());
    let refused = TcpStream::connect(("127.0.0.1", proxy.port(0)));
    if let Ok(mut refused) = refused {
        assert!(refused.read(&mut [0]).is_err());
    }
    proxy.end(0, Trouble::Closed);
    connect(&proxy, &relay);
}

#[test]
fn what_finds_nobody_waits_for_the_next() {
    let Ends {
        proxy,
        relay,
        mut near,
        mut far,
    } = ends();
    proxy.begin(0, Trouble::Cut { abruptly: false }, 0);
    for end in [&mut near, &mut far] {
        assert_eq!(end.read(&mut [0]).unwrap(), 0);
    }
    until(&proxy, |damage| damage.standing == 0);
    let deaf = Trouble::HalfOpen {
        to_relay: false,
        from_relay: true,
    };
    let said = proxy.begin(0, deaf, 0);
    assert!(said.contains("the next connection"), "{said}");
    let mut near = TcpStream::connect(("127.0.0.1", proxy.port(0))).unwrap();
    let (mut far, _) = relay.accept().unwrap();
    assert_eq!(pass(&mut near, &mut far, b"hello"), b"hello");
    far.write_all(b"lost").unwrap();
    hears_nothing(&mut near);
}
