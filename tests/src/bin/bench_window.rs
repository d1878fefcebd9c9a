//! The app's window beside an empty Tauri window (`src-tauri/examples/empty_window`), in turns, on a
//! screen of their own: time to the first letters, memory, and what both use of the processor when
//! nothing happens. One JSON line a figure; medians of all rounds.
//!
//! The first paint is the first moment at which the window holds letters, seen from outside in the
//! picture of the screen: the same for both, and what a person sees. `bench_window ROUNDS` plays
//! other than five rounds; each takes about five minutes.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    unreachable_pub,
    reason = "a benchmark"
)]

#[path = "../bench/figure.rs"]
mod figure;
#[path = "../bench/window/mod.rs"]
mod window;

fn main() {
    let rounds = std::env::args()
        .nth(1)
        .map_or(5, |rounds| rounds.parse().unwrap());
    window::measure(rounds);
}
