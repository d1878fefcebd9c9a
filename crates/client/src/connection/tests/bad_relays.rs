//! Relays that can't be reached, aren't who they should be, or send what they must not.

use sotto_suite::{RandomExt as _, SigningKey, SystemRandom};
use sotto_wire::{
    Nonce, Position, Refusal, RefusalCode, RelayAddress, RelayFrame, RelayHello, RelayIdentity,
    Reply, limits,
};
use tokio::io::AsyncWriteExt as _;
use tokio_tungstenite::tungstenite::Message;

use super::fake::{Accepted, Fake, LIMITS};
use super::*;

/// Lets a relay act on the first connection, while a link fails with `code`.
async fn script<F>(relay: Fake, code: &str, act: impl FnOnce(Accepted) -> F)
where
    F: Future<Output = Accepted>,
{
    let address = relay.address();
    let act = async {
        let accepted = act(relay.accept().await).await;
        // The other end goes first.
        std::future::pending::<()>().await;
        drop(accepted);
    };
    tokio::select! {
        () = act => {}
        () = fails_with(address, code) => {}
    }
}

#[tokio::test]
async fn nobody_there() {
    let relay = Fake::tls().await;
    let address = relay.address();
    drop(relay);
    fails_with(address, "relay_unreachable").await;
}

#[tokio::test]
async fn a_name_that_means_nothing() {
    let mut address = Fake::tls().await.address();
    address.host = "relay.invalid".into();
    fails_with(address, "relay_unreachable").await;
}

#[tokio::test]
async fn another_relay_than_the_address_says() {
    let relay = Fake::tls().await;
    let other = SigningKey::from_seed(&SystemRandom::new().secret());
    let address = RelayAddress {
        identity: RelayIdentity::of(&other.public()),
        ..relay.address()
    };
    let serve = async {
        loop {
            relay.welcome().await;
        }
    };
    tokio::select! {
        () = serve => {}
        () = fails_with(address, "relay_wrong_identity") => {}
    }
}

/// Mallory has the true relay's hello, made for her own connection to it, and hands it on.
#[tokio::test]
async fn somebody_in_between_with_the_true_relays_hello() {
    let relay = Fake::tls().await;
    script(relay, "relay_wrong_identity", |mut accepted| async {
        let client = accepted.client_hello().await;
        accepted.ends.certificate[0] ^= 1;
        accepted.answer(&client).await;
        accepted
    })
    .await;
}

#[tokio::test]
async fn a_hello_for_another_session_with_the_same_certificate() {
    let relay = Fake::tls().await;
    script(relay, "relay_wrong_identity", |mut accepted| async {
        let client = accepted.client_hello().await;
        accepted.ends.exporter[0] ^= 1;
        accepted.answer(&client).await;
        accepted
    })
    .await;
}

#[tokio::test]
async fn a_hello_that_was_recorded() {
    let relay = Fake::tls().await;
    let key = relay.key.clone();
    script(relay, "relay_wrong_identity", |mut accepted| async move {
        let client = accepted.client_hello().await;
        let nonce = Nonce([7; 32]);
        let version = client.versions[0];
        let (hello, _) = RelayHello::sign(&key, version, nonce, nonce, &accepted.ends, LIMITS);
        accepted.send(&RelayFrame::Hello(hello)).await;
        accepted
    })
    .await;
}

#[tokio::test]
async fn a_version_that_was_not_offered() {
    let relay = Fake::tls().await;
    script(relay, "relay_other_version", |mut accepted| async {
        let mut client = accepted.client_hello().await;
        client.versions = vec![9];
        accepted.answer(&client).await;
        accepted
    })
    .await;
}

fn closing(code: RefusalCode) -> RelayFrame {
    RelayFrame::Closing(Refusal {
        code,
        retry_after_ms: None,
        handshakes: None,
    })
}

#[tokio::test]
async fn refusals_have_their_own_codes() {
    for (refusal, code) in [
        (RefusalCode::Version, "relay_other_version"),
        (RefusalCode::Token, "relay_token"),
        (RefusalCode::Stopping, "relay_stopping"),
        (RefusalCode::Quota, "relay_busy"),
        (RefusalCode::Unexpected, "relay_refused"),
    ] {
        let relay = Fake::tls().await;
        script(relay, code, |mut accepted| async move {
            accepted.client_hello().await;
            accepted.send(&closing(refusal)).await;
            accepted
        })
        .await;
    }
}

#[tokio::test]
async fn garbage_instead_of_a_hello() {
    for message in [
        Message::Binary(vec![0xff; 100].into()),
        Message::Text("hello".into()),
    ] {
        let relay = Fake::tls().await;
        script(relay, "relay_garbage", |mut accepted| async move {
            accepted.client_hello().await;
            accepted.send_raw(message).await;
            accepted
        })
        .await;
    }
}

#[tokio::test]
async fn garbage_after_the_hello() {
    for message in [
        Message::Binary(vec![0xff; 100].into()),
        Message::Text("hello".into()),
    ] {
        let relay = Fake::tls().await;
        script(relay, "relay_garbage", |mut accepted| async move {
            let client = accepted.client_hello().await;
            accepted.answer(&client).await;
            accepted.send_raw(message).await;
            accepted
        })
        .await;
    }
}

#[tokio::test]
async fn bytes_that_are_no_websocket() {
    let relay = Fake::plain().await;
    let address = relay.address();
    let act = async {
        let mut accepted = relay.welcome().await;
        // A frame header with reserved bits and an opcode that does not exist.
        let stream = accepted.socket.get_mut();
        stream.write_all(&[0x7f; 64]).await.unwrap();
        stream.flush().await.unwrap();
        std::future::pending::<()>().await;
        drop(accepted);
    };
    tokio::select! {
        () = act => {}
        () = fails_with(address, "relay_garbage") => {}
    }
}

#[tokio::test]
async fn a_hello_that_is_too_large() {
    let relay = Fake::tls().await;
    script(relay, "relay_oversized", |mut accepted| async {
        accepted.client_hello().await;
        accepted
            .send_raw(Message::Binary(vec![0; limits::MAX_HELLO + 1].into()))
            .await;
        accepted
    })
    .await;
}

#[tokio::test]
async fn a_frame_that_is_too_large() {
    let relay = Fake::tls().await;
    script(relay, "relay_oversized", |mut accepted| async {
        let client = accepted.client_hello().await;
        accepted.answer(&client).await;
        let large = Message::Binary(vec![0; limits::MAX_FRAME + 1].into());
        // The other end may be gone before all of it is written.
        let _ = futures_util::SinkExt::send(&mut accepted.socket, large).await;
        accepted
    })
    .await;
}

#[tokio::test]
async fn a_frame_before_the_hello() {
    let relay = Fake::tls().await;
    script(relay, "relay_out_of_order", |mut accepted| async {
        accepted.client_hello().await;
        accepted
            .send(&RelayFrame::Reply {
                id: 1,
                reply: Reply::Done,
            })
            .await;
        accepted
    })
    .await;
}

#[tokio::test]
async fn a_second_hello() {
    let relay = Fake::tls().await;
    script(relay, "relay_out_of_order", |mut accepted| async {
        let client = accepted.client_hello().await;
        accepted.answer(&client).await;
        accepted.answer(&client).await;
        accepted
    })
    .await;
}

#[tokio::test]
async fn a_relay_that_says_nothing() {
    let relay = Fake::tls().await;
    script(relay, "relay_hello_timeout", |accepted| async { accepted }).await;
}

#[tokio::test]
async fn a_port_that_takes_connections_and_nothing_else() {
    let relay = Fake::tls().await;
    // The system completes the connection; nobody ever accepts it.
    fails_with(relay.address(), "relay_timeout").await;
}

#[tokio::test]
async fn a_web_server_that_is_no_relay() {
    let relay = Fake::plain().await;
    let address = relay.address();
    let act = async {
        let mut tcp = relay.accept_tcp().await;
        tcp.write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
            .await
            .unwrap();
        std::future::pending::<()>().await;
    };
    tokio::select! {
        () = act => {}
        () = fails_with(address, "relay_not_a_relay") => {}
    }
}

#[tokio::test]
async fn a_server_without_tls_at_an_address_with_tls() {
    let relay = Fake::plain().await;
    let address = RelayAddress {
        plain: false,
        ..relay.address()
    };
    let act = async {
        let mut tcp = relay.accept_tcp().await;
        tcp.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            .await
            .unwrap();
        std::future::pending::<()>().await;
    };
    tokio::select! {
        () = act => {}
        () = fails_with(address, "relay_tls_failed") => {}
    }
}

#[tokio::test]
async fn a_server_with_old_tls_only() {
    let relay = Fake::old_tls().await;
    let address = relay.address();
    let act = async {
        let tcp = relay.accept_tcp().await;
        let _ = relay.finish_tls(tcp).await;
        std::future::pending::<()>().await;
    };
    tokio::select! {
        () = act => {}
        () = fails_with(address, "relay_tls_failed") => {}
    }
}

#[tokio::test]
async fn without_tls_only_on_this_machine() {
    let address = RelayAddress {
        host: "192.0.2.1".into(),
        ..Fake::plain().await.address()
    };
    fails_with(address, "relay_plain_not_allowed").await;
}

#[tokio::test]
async fn a_relay_that_goes_away_in_the_middle_of_its_hello() {
    let relay = Fake::tls().await;
    let address = relay.address();
    let act = async {
        loop {
            let mut accepted = relay.accept().await;
            accepted.client_hello().await;
        }
    };
    tokio::select! {
        () = act => {}
        () = fails_with(address, "relay_closed") => {}
    }
}

/// Positions are the engine's to judge; the link hands them over as they come.
#[tokio::test]
async fn what_only_the_engine_can_judge_ends_the_connection_when_it_says_so() {
    let relay = Fake::tls().await;
    let mut link = Running::start(relay.address(), QUICK);
    let mut accepted = relay.welcome().await;
    let (connection, _) = link.connected().await;
    let delivered = sotto_wire::Delivered::CaughtUp(Position(7));
    let frame = RelayFrame::Deliver {
        channel: sotto_wire::ChannelId([1; 16]),
        subscriber: relay.key.public(),
        delivered,
    };
    accepted.send(&frame).await;
    assert_eq!(link.frame().await, (connection, frame));
    link.give_up(connection, DropReason::BrokeRules);
    let (ended, error) = link.failure().await;
    assert_eq!(
        (ended, error.code()),
        (Some(connection), "relay_broke_rules")
    );
    relay.welcome().await;
    let (again, _) = link.connected().await;
    assert_eq!(again, connection + 1);
    link.end().await;
}
