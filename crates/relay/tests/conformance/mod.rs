//! What every store has to do. A store brings a [`Harness`], and [`conformance!`] makes the tests.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    unreachable_pub,
    reason = "tests stop at the first surprise"
)]

mod inbox;
mod keeping;
mod order;
mod reading;

use std::sync::Arc;

use sotto_relay::store::{
    Deposit, Item, NewChannel, NewEntry, REVOKED_KEPT, Seconds, Store, StoreError,
};
use sotto_relay::{Listener, Wake};
use sotto_suite::sign::PublicKey;
use sotto_wire::*;

pub use inbox::*;
pub use keeping::*;
pub use order::*;
pub use reading::*;

/// A place where one store lives, with a clock of its own.
pub trait Harness {
    type Store: Store;
    /// Opens the store: empty at first, later as it was left.
    fn open(&self) -> impl Future<Output = Self::Store>;
    /// What the store's clock says from now on.
    fn set_time(&self, now: Seconds);
}

/// Bounds that a harness sets, small enough to be reached.
pub const CHANNEL_BYTES: u64 = 40_000;
pub const SLOT_PACKAGES: u32 = 4;
pub const DAY: Seconds = 24 * 60 * 60;
pub const START: Seconds = 1000 * DAY;

macro_rules! conformance {
    ($harness:expr) => {
        conformance! { $harness =>
            a_channel_is_made_once, appends_get_positions_and_hashes_in_order,
            the_same_append_is_stored_once_and_answered_the_same, orders_take_effect_in_the_order_they_were_given,
            only_writers_append, stale_appends_are_refused, a_fence_closes_all_lanes,
            an_append_adds_subscribers_at_its_own_place, entries_go_when_all_have_acknowledged,
            cursors_never_go_back_or_beyond_the_head, without_subscribers_nothing_stays,
            what_is_too_old_leaves_a_gap, a_clock_that_jumps_loses_nothing, traces_go_in_the_end_and_the_order_goes_on,
            what_waits_unread_is_no_trace, traces_of_what_nobody_read_go_too,
            the_newer_listener_takes_over, signals_reach_listeners_and_are_not_stored,
            cards_stand_beside_writers, the_newest_revoked_writers_stay_known, packages_are_handed_out_once, quotas_refuse_and_never_evict,
            a_deleted_channel_is_gone, channels_are_counted, many_writers_make_one_order, a_channel_is_read_in_pages,
        }
    };
    ($harness:expr => $($name:ident),+ $(,)?) => {$(
        #[tokio::test]
        async fn $name() {
            conformance::$name(&$harness).await;
        }
    )+};
}
pub(crate) use conformance;

pub const CHANNEL: ChannelId = ChannelId([0xc0; 16]);

pub fn key(n: u8) -> PublicKey {
    PublicKey([n; 32])
}
const ADMIN: PublicKey = PublicKey([1; 32]);
const WRITER: PublicKey = PublicKey([2; 32]);
const ALICE: PublicKey = PublicKey([3; 32]);
const BOB: PublicKey = PublicKey([4; 32]);

pub fn channel(subscribers: &[PublicKey]) -> NewChannel {
    NewChannel {
        channel: CHANNEL,
        admin: ADMIN,
        writers: vec![WRITER],
        subscribers: subscribers.to_vec(),
    }
}

pub fn chat(append: u64, body: &[u8]) -> NewEntry {
    let mut id = [0; 16];
    id[..8].copy_from_slice(&append.to_be_bytes());
    NewEntry {
        channel: CHANNEL,
        writer: WRITER,
        lane: Lane::Chat,
        append: AppendId(id),
        handshakes: 0,
        body: body.to_vec(),
        subscribers: vec![],
        fence: false,
    }
}

fn handshake(append: u64, handshakes: u64) -> NewEntry {
    NewEntry {
        lane: Lane::Handshake,
        handshakes,
        ..chat(append, b"handshake")
    }
}

async fn open_with<H: Harness>(harness: &H, subscribers: &[PublicKey]) -> H::Store {
    harness.set_time(START);
    let store = harness.open().await;
    store.create(channel(subscribers)).await.unwrap();
    store
}

/// Everything after `after`, page by page.
async fn read_all<S: Store>(store: &S, after: u64) -> Vec<Item> {
    let (mut items, mut at) = (Vec::new(), Position(after));
    loop {
        let page = store.read(CHANNEL, at, 16).await.unwrap();
        let Some(last) = page.last() else {
            return items;
        };
        at = last.position();
        items.extend(page);
    }
}

fn positions(items: &[Item]) -> Vec<i64> {
    // A gap as the negative of its end.
    let number = |item: &Item| {
        let position = i64::try_from(item.position().0).unwrap();
        if matches!(item, Item::Gap(_)) {
            -position
        } else {
            position
        }
    };
    items.iter().map(number).collect()
}

fn listener() -> (Arc<Listener>, Arc<Wake>) {
    let wake = Arc::new(Wake::default());
    (Listener::new(7, Arc::clone(&wake)), wake)
}
