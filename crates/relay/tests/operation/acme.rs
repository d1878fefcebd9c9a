//! Certificates from an authority, here a small one of our own. A public one has not been tried.

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

use crate::authority::Authority;
use crate::cluster::free_port;
use crate::common::Client;
use crate::program::{Running, ask, on};

const HOST: &str = "relay.example.org";

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_is_fetched_kept_and_shown_and_nobody_waits_for_it() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("relay");
    let authority = Authority::start(HOST).await;
    let root = folder.path().join("authority.crt");
    std::fs::write(&root, &authority.root).unwrap();
    let root = root.display().to_string();
    let arguments = [
        "--host",
        HOST,
        "--acme",
        &authority.directory,
        "--acme-roots",
        &root,
        "--acme-contact",
        "you@example.org",
    ];
    // The authority does not reach it: the relay serves with what it has.
    let mut relay = Running::on(&data, &arguments);
    let here = relay.here();
    let said = tokio::task::block_in_place(|| relay.hear("no certificate was fetched"));
    assert!(
        said.join("\n").contains("did not accept the proof"),
        "{said:?}"
    );
    assert_eq!(authority.proven(), Some(false));
    let self_made = Client::connect(&here).await;
    let said = ask(on(&data, &["check"]).args(arguments));
    assert!(
        said.out.contains("warn  certificate: none fetched yet"),
        "{}",
        said.out
    );
    relay.stop();

    // Now it does.
    let port = free_port();
    let listen = format!("127.0.0.1:{port}");
    authority.relay_is_at(port);
    let mut relay = Running::on(&data, &[&arguments[..], &["--listen", &listen]].concat());
    let here = relay.here();
    tokio::task::block_in_place(|| relay.hear("a certificate was fetched"));
    let fetched = Client::connect(&here).await.binding.certificate;
    assert_ne!(fetched, self_made.binding.certificate);
    let said = ask(on(&data, &["check"]).args(arguments));
    assert!(
        said.out.contains("ok    certificate: for this host"),
        "{}",
        said.out
    );
    let kept = std::fs::read(data.join("acme-certificate")).unwrap();
    assert_eq!(
        CertificateDer::pem_slice_iter(&kept).count(),
        2,
        "with the one in between"
    );
    relay.stop();

    // Kept, and not asked for again.
    let relay = Running::on(&data, &arguments);
    assert_eq!(
        Client::connect(&relay.here()).await.binding.certificate,
        fetched
    );
    let said = relay.stop();
    assert!(!said.contains("fetched"), "{said}");
}
