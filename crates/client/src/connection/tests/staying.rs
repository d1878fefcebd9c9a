//! Connections that stand, end and come back.

use futures_util::{SinkExt as _, StreamExt as _};
use sotto_wire::{ChannelId, Command, Delivered, RelayFrame, Reply, encode};
use tokio::time::{Instant, sleep};
use tokio_tungstenite::tungstenite::Message;

use super::fake::Fake;
use super::*;

fn request(id: u32) -> ClientFrame {
    let channel = ChannelId([1; 16]);
    let admin = sotto_suite::PublicKey([2; 32]);
    ClientFrame::Request {
        id,
        command: Command::Delete { channel, admin },
    }
}

fn reply(id: u32) -> RelayFrame {
    RelayFrame::Reply {
        id,
        reply: Reply::Done,
    }
}

/// A frame that fills buffers.
fn card(id: u32) -> RelayFrame {
    let reply = Reply::Card(vec![0; 16 * 1024]);
    RelayFrame::Reply { id, reply }
}

fn delivery() -> RelayFrame {
    RelayFrame::Deliver {
        channel: ChannelId([1; 16]),
        subscriber: sotto_suite::PublicKey([2; 32]),
        delivered: Delivered::Signal(vec![0; 600]),
    }
}

#[tokio::test]
async fn frames_go_both_ways_in_order_over_tls_and_without() {
    for relay in [Fake::tls().await, Fake::plain().await] {
        let mut link = Running::start(relay.address(), QUICK);
        let mut accepted = relay.welcome().await;
        let (connection, binding) = link.connected().await;
        assert_eq!(binding.relay, relay.key.public());
        assert_eq!(binding.certificate, accepted.ends.certificate);
        assert_eq!(binding.exporter, accepted.ends.exporter);
        link.send(connection, (0..100).map(request).collect()).await;
        link.send(connection, (100..200).map(request).collect())
            .await;
        for id in 0..200 {
            assert_eq!(accepted.receive().await, request(id));
            accepted.send(&reply(id)).await;
            assert_eq!(link.frame().await, (connection, reply(id)));
        }
        link.end().await;
    }
}

#[tokio::test]
async fn frames_for_a_connection_that_is_gone_are_dropped() {
    let relay = Fake::tls().await;
    let mut link = Running::start(relay.address(), QUICK);
    drop(relay.welcome().await);
    let (old, _) = link.connected().await;
    assert_eq!(link.failure().await.0, Some(old));
    let mut accepted = relay.welcome().await;
    let (new, _) = link.connected().await;
    link.send(old, vec![request(1)]).await;
    link.send(new, vec![request(2)]).await;
    assert_eq!(accepted.receive().await, request(2));
    link.end().await;
}

#[tokio::test]
async fn attempts_are_repeated_with_growing_pauses() {
    let relay = Fake::tls().await;
    let address = relay.address();
    drop(relay);
    let timing = Timing {
        pause_min: Duration::from_millis(40),
        pause_max: Duration::from_millis(320),
        ..QUICK
    };
    let mut link = Running::start(address, timing);
    let mut pauses = Vec::new();
    while pauses.len() < 6 {
        if let LinkEvent::Disconnected { pause, .. } = link.event().await {
            pauses.push(pause);
        }
    }
    for (at, pause) in pauses.iter().enumerate() {
        let step = (timing.pause_min * 2_u32.pow(u32::try_from(at).unwrap())).min(timing.pause_max);
        assert!(*pause >= step / 2 && *pause <= step, "{at}: {pauses:?}");
    }
    link.end().await;
}

#[tokio::test]
async fn a_relay_that_comes_back_is_found_again() {
    let relay = Fake::tls().await;
    let mut link = Running::start(relay.address(), QUICK);
    for expected in 1..=3 {
        let accepted = relay.welcome().await;
        assert_eq!(link.connected().await.0, expected);
        drop(accepted);
        assert_eq!(link.failure().await.1.code(), "relay_closed");
    }
    link.end().await;
}

#[tokio::test]
async fn a_stable_connection_makes_the_next_pause_short_again() {
    let relay = Fake::tls().await;
    let timing = Timing {
        stable: Duration::from_millis(300),
        ..QUICK
    };
    let mut link = Running::start(relay.address(), timing);
    for _ in 0..5 {
        drop(relay.welcome().await);
        link.failure().await;
    }
    let accepted = relay.welcome().await;
    link.connected().await;
    sleep(timing.stable).await;
    drop(accepted);
    let LinkEvent::Disconnected { pause, .. } = link.event().await else {
        panic!("another event")
    };
    assert!(pause <= timing.pause_min, "{pause:?}");
    link.end().await;
}

#[tokio::test]
async fn try_now_ends_the_pause() {
    let relay = Fake::tls().await;
    let long = Duration::from_secs(600);
    let mut link = Running::start(
        relay.address(),
        Timing {
            pause_min: long,
            pause_max: long,
            ..QUICK
        },
    );
    drop(relay.welcome().await);
    link.failure().await;
    link.orders.send(ToLink::TryNow).await.unwrap();
    relay.welcome().await;
    link.connected().await;
    link.end().await;
}

#[tokio::test]
async fn a_relay_that_hangs_is_given_up() {
    let relay = Fake::tls().await;
    let mut link = Running::start(relay.address(), QUICK);
    // The connection stands, but nobody reads or answers pings.
    let accepted = relay.welcome().await;
    link.connected().await;
    let (_, error) = link.failure().await;
    assert_eq!(error.code(), "relay_silent");
    drop(accepted);
    link.end().await;
}

#[tokio::test]
async fn a_quiet_relay_that_answers_pings_is_kept() {
    let relay = Fake::tls().await;
    let mut link = Running::start(relay.address(), QUICK);
    let mut accepted = relay.welcome().await;
    let (connection, _) = link.connected().await;
    // Reading answers pings.
    let answering = async {
        while accepted.socket.next().await.is_some() {}
        panic!("given up");
    };
    tokio::select! {
        () = answering => {}
        () = sleep(QUICK.silence * 3) => {}
    }
    accepted.send(&reply(1)).await;
    assert_eq!(link.frame().await, (connection, reply(1)));
    link.end().await;
}

#[tokio::test]
async fn a_relay_that_delivers_but_never_answers_is_given_up() {
    let relay = Fake::tls().await;
    let mut link = Running::start(relay.address(), QUICK);
    let mut accepted = relay.welcome().await;
    let (connection, _) = link.connected().await;
    link.send(connection, vec![request(1)]).await;
    // Something between us goes on delivering and lets nothing of ours through: so nobody reads.
    let delivering = tokio::spawn(async move {
        let frame = Message::Binary(encode(&delivery()).into());
        while accepted.socket.send(frame.clone()).await.is_ok() {
            sleep(QUICK.ping / 4).await;
        }
    });
    let (_, error) = link.failure().await;
    assert_eq!(error.code(), "relay_silent");
    delivering.abort();
    link.end().await;
}

#[tokio::test]
async fn a_slow_owner_slows_the_relay_down_and_loses_nothing() {
    const FRAMES: u32 = 3_000;
    let relay = Fake::tls().await;
    let mut link = Running::with_room(relay.address(), QUICK, 4);
    let mut accepted = relay.welcome().await;
    let (connection, _) = link.connected().await;
    let sending = tokio::spawn(async move {
        for id in 0..FRAMES {
            accepted.send(&card(id)).await;
        }
        accepted
    });
    // Longer than the deadline for a silent relay: what we don't read is not the relay's silence.
    sleep(QUICK.silence * 2).await;
    assert!(!sending.is_finished(), "everything was buffered");
    assert!(link.events.len() <= 4);
    // Writing goes on meanwhile.
    link.send(connection, vec![request(1)]).await;
    for id in 0..FRAMES {
        assert_eq!(link.frame().await, (connection, card(id)));
    }
    let mut accepted = sending.await.unwrap();
    assert_eq!(accepted.receive().await, request(1));
    link.end().await;
}

#[tokio::test]
async fn a_relay_that_takes_nothing_any_more_can_be_given_up() {
    let relay = Fake::plain().await;
    let timing = Timing {
        silence: Duration::from_secs(60),
        ..QUICK
    };
    let mut link = Running::start(relay.address(), timing);
    let accepted = relay.welcome().await;
    let (connection, _) = link.connected().await;
    let body = vec![0; 200 * 1024];
    let large = ClientFrame::Request {
        id: 1,
        command: Command::SetWriter {
            channel: ChannelId([1; 16]),
            admin: sotto_suite::PublicKey([2; 32]),
            writer: sotto_suite::PublicKey([2; 32]),
            card: Some(body),
        },
    };
    // More than all buffers on the way hold: the queue stays full.
    while link
        .orders
        .try_send(ToLink::Send(connection, vec![large.clone()]))
        .is_ok()
    {
        sleep(Duration::from_micros(100)).await;
    }
    link.give_up(connection, DropReason::Stuck);
    let before = Instant::now();
    assert_eq!(link.failure().await.1.code(), "relay_stuck");
    assert!(before.elapsed() < Duration::from_secs(5));
    drop(accepted);
    link.end().await;
}

#[tokio::test]
async fn stopping_sends_what_waits_and_says_goodbye() {
    let relay = Fake::tls().await;
    let mut link = Running::start(relay.address(), QUICK);
    let mut accepted = relay.welcome().await;
    let (connection, _) = link.connected().await;
    link.send(connection, (0..10).map(request).collect()).await;
    let (orders, ended) = (link.orders.clone(), link.end());
    let served = async {
        for id in 0..10 {
            assert_eq!(accepted.receive().await, request(id));
        }
        assert!(accepted.until_closed().await);
    };
    tokio::join!(ended, served);
    assert!(orders.is_closed());
}

#[tokio::test]
async fn stopping_is_possible_at_every_stage() {
    let timing = Timing {
        connect: Duration::from_secs(60),
        hello: Duration::from_secs(60),
        ..QUICK
    };
    let relay = Fake::tls().await;
    let dialling = Running::start(relay.address(), timing);
    sleep(Duration::from_millis(50)).await;
    dialling.end().await;

    let relay = Fake::tls().await;
    let waiting_for_hello = Running::start(relay.address(), timing);
    let accepted = relay.accept().await;
    waiting_for_hello.end().await;
    drop(accepted);

    let address = relay.address();
    drop(relay);
    let mut pausing = Running::start(
        address,
        Timing {
            pause_min: Duration::from_secs(60),
            pause_max: Duration::from_secs(60),
            ..timing
        },
    );
    pausing.failure().await;
    pausing.end().await;
}

#[tokio::test]
async fn a_link_whose_owner_is_gone_ends() {
    let relay = Fake::tls().await;
    let mut link = Running::start(relay.address(), QUICK);
    let mut accepted = relay.welcome().await;
    link.connected().await;
    let Running { task, events, .. } = link;
    drop(events);
    accepted.send(&reply(1)).await;
    timeout(Duration::from_secs(5), task)
        .await
        .expect("an end in time")
        .unwrap();
}
