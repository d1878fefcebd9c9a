//! The relay when it lies. What it says to people is changed on the way; what it is given, too.

use std::collections::BTreeMap;

use sotto_model_relay::{Memory, ModelRelay};
use sotto_wire::{
    AppendId, ChainHash, ChannelId, ClientFrame, Command, Delivered, Entry, Gap, Lane, Position,
    Refusal, RefusalCode, RelayFrame, Reply,
};

use crate::chance::Chance;
use crate::plan::Hostile;

/// One frame of so many is lied about.
const OFTEN: u64 = 6;
/// One of so many is left out: if more were, hardly anybody would get a word through.
const DROPS: u64 = 24;
/// Bytes that were seen and are shown elsewhere: so many are kept of each kind.
const LOOT: usize = 64;

/// A liar of one kind, or an honest relay.
pub(crate) struct Liar {
    kind: Option<Hostile>,
    lies: bool,
    /// Held back, by person.
    held: BTreeMap<usize, Vec<RelayFrame>>,
    held_channel: BTreeMap<usize, ChannelId>,
    entries: Vec<Entry>,
    cards: Vec<Vec<u8>>,
    packages: Vec<Vec<u8>>,
    bodies: Vec<Vec<u8>>,
    /// By how much the positions that somebody is told are off.
    shifts: BTreeMap<(usize, ChannelId), i64>,
    backup: Option<Memory>,
    restored: bool,
    forged: BTreeMap<usize, Vec<RelayFrame>>,
}

impl Liar {
    /// Every second one lets people get to know each other first.
    pub(crate) fn new(kind: Option<Hostile>, seed: u64) -> Self {
        Self {
            kind,
            lies: seed.is_multiple_of(2),
            held: BTreeMap::new(),
            held_channel: BTreeMap::new(),
            entries: Vec::new(),
            cards: Vec::new(),
            packages: Vec::new(),
            bodies: Vec::new(),
            shifts: BTreeMap::new(),
            backup: None,
            restored: false,
            forged: BTreeMap::new(),
        }
    }

    /// From now on it lies.
    pub(crate) fn begin(&mut self) {
        self.lies = true;
    }

    /// It lies no more; what it held back is lost with the connections.
    pub(crate) fn rest(&mut self) {
        self.lies = false;
        self.held.clear();
        self.held_channel.clear();
        self.forged.clear();
    }

    /// Who has been made to believe in other positions, and in which channels.
    pub(crate) fn forked(&self) -> Vec<(usize, ChannelId)> {
        let off = self.shifts.iter().filter(|(_, shift)| **shift != 0);
        off.map(|(whose, _)| *whose).collect()
    }

    /// Whether it went back to a backup just now, so that every connection is dead.
    pub(crate) fn take_restored(&mut self) -> bool {
        std::mem::take(&mut self.restored)
    }

    /// A frame reaches the relay: it may be forgotten, or another one take its place.
    pub(crate) fn up(
        &mut self,
        relay: &mut ModelRelay,
        who: usize,
        mut frame: ClientFrame,
        chance: &mut Chance,
    ) -> Option<ClientFrame> {
        let Some(kind) = self.kind.filter(|_| self.lies) else {
            return Some(frame);
        };
        match kind {
            Hostile::Drop if chance.one_in(DROPS) && stands_alone(&frame) => return None,
            Hostile::RollBack => {
                if self.backup.is_none() || chance.one_in(60) {
                    self.backup = Some(relay.backup());
                }
                if chance.one_in(150)
                    && let Some(backup) = &self.backup
                {
                    relay.restore(backup);
                    self.restored = true;
                }
            }
            Hostile::Swap => {
                if let ClientFrame::Request {
                    command: Command::Append { body, .. },
                    ..
                } = &mut frame
                {
                    keep(&mut self.bodies, body.clone());
                    if chance.one_in(OFTEN * 2)
                        && let Some(other) = chance.pick(&self.bodies)
                    {
                        body.clone_from(other);
                    }
                }
            }
            Hostile::Lie if chance.one_in(OFTEN) => {
                if let ClientFrame::Request {
                    id,
                    command: Command::Append { channel, .. },
                } = &frame
                {
                    // Said to be stored, and thrown away.
                    let reply = Reply::Appended(sotto_wire::Appended {
                        position: Position(chance.below(40)),
                        hash: ChainHash::start(channel),
                    });
                    let reply = RelayFrame::Reply { id: *id, reply };
                    self.forged.entry(who).or_default().push(reply);
                    return None;
                }
            }
            _ => {}
        }
        Some(frame)
    }

    /// Frames for somebody.
    pub(crate) fn down(
        &mut self,
        who: usize,
        frames: Vec<RelayFrame>,
        chance: &mut Chance,
    ) -> Vec<RelayFrame> {
        let Some(kind) = self.kind else {
            return frames;
        };
        if !self.lies {
            return frames
                .into_iter()
                .map(|frame| self.shifted(who, frame))
                .collect();
        }
        let mut out = self.forged.remove(&who).unwrap_or_default();
        for frame in frames {
            let frame = self.shifted(who, frame);
            self.remember(&frame);
            let lies = chance.one_in(match kind {
                Hostile::Drop => DROPS,
                _ => OFTEN,
            });
            match kind {
                Hostile::Drop if lies => {}
                Hostile::Delay => self.delay(who, frame, chance, &mut out),
                Hostile::Replay if lies => self.replay(who, frame, chance, &mut out),
                Hostile::Reorder => self.reorder(who, frame, &mut out),
                Hostile::Fork if lies && who % 2 == 1 => self.fork(who, frame, &mut out),
                Hostile::RollBack if lies => out.push(rolled_back(frame, chance)),
                Hostile::Swap if lies => out.push(self.swapped(frame, chance)),
                Hostile::Inject if lies => self.inject(who, frame, chance, &mut out),
                Hostile::Lie if lies => out.push(self.lied(who, frame, chance)),
                _ => out.push(frame),
            }
        }
        if kind == Hostile::Delay && chance.one_in(4) {
            out.extend(self.held.remove(&who).unwrap_or_default());
            self.held_channel.remove(&who);
        }
        out
    }

    fn remember(&mut self, frame: &RelayFrame) {
        match frame {
            RelayFrame::Deliver {
                delivered: Delivered::Entry(entry),
                ..
            } => keep(&mut self.entries, entry.clone()),
            RelayFrame::Reply {
                reply: Reply::Card(card),
                ..
            } => keep(&mut self.cards, card.clone()),
            RelayFrame::Reply {
                reply: Reply::Taken(offers),
                ..
            } => offers
                .iter()
                .for_each(|offer| keep(&mut self.packages, offer.package.clone())),
            _ => {}
        }
    }

    /// With the positions that this person has been made to believe in.
    fn shifted(&self, who: usize, mut frame: RelayFrame) -> RelayFrame {
        let RelayFrame::Deliver {
            channel, delivered, ..
        } = &mut frame
        else {
            return frame;
        };
        let shift = self.shifts.get(&(who, *channel)).copied().unwrap_or(0);
        let move_it = |position: &mut Position| {
            position.0 = position.0.saturating_add_signed(shift);
        };
        match delivered {
            Delivered::Entry(entry) => move_it(&mut entry.position),
            Delivered::Gap(gap) => move_it(&mut gap.until),
            Delivered::CaughtUp(position) => move_it(position),
            Delivered::Signal(_) => {}
        }
        frame
    }

    fn shift(&mut self, who: usize, channel: ChannelId, by: i64) {
        *self.shifts.entry((who, channel)).or_default() += by;
    }

    fn delay(
        &mut self,
        who: usize,
        frame: RelayFrame,
        chance: &mut Chance,
        out: &mut Vec<RelayFrame>,
    ) {
        let RelayFrame::Deliver { channel, .. } = &frame else {
            return out.push(frame);
        };
        if chance.one_in(OFTEN) {
            self.held_channel.entry(who).or_insert(*channel);
        }
        if self.held_channel.get(&who) == Some(channel) {
            self.held.entry(who).or_default().push(frame);
        } else {
            out.push(frame);
        }
    }

    fn replay(
        &mut self,
        who: usize,
        frame: RelayFrame,
        chance: &mut Chance,
        out: &mut Vec<RelayFrame>,
    ) {
        let mut again = frame.clone();
        out.push(frame);
        if chance.one_in(2)
            && let Some((channel, entry)) = entry_of(&mut again)
        {
            entry.position = entry.position.next();
            self.shift(who, channel, 1);
        }
        out.push(again);
    }

    /// One is held back until the next of its channel has come, which gets its place.
    fn reorder(&mut self, who: usize, mut frame: RelayFrame, out: &mut Vec<RelayFrame>) {
        let Some((channel, entry)) = entry_of(&mut frame) else {
            return out.push(frame);
        };
        let held = self.held.entry(who).or_default();
        let before = held
            .iter_mut()
            .position(|held| entry_of(held).is_some_and(|(of, _)| of == channel));
        match before {
            Some(index) => {
                let mut first = held.remove(index);
                if let Some((_, first)) = entry_of(&mut first) {
                    std::mem::swap(&mut first.position, &mut entry.position);
                }
                out.extend([frame, first]);
            }
            None => held.push(frame),
        }
    }

    /// This reader never hears of the entry; the next one takes its place.
    fn fork(&mut self, who: usize, mut frame: RelayFrame, out: &mut Vec<RelayFrame>) {
        match entry_of(&mut frame) {
            Some((channel, entry)) if entry.lane == Lane::Chat => self.shift(who, channel, -1),
            _ => out.push(frame),
        }
    }

    fn swapped(&self, mut frame: RelayFrame, chance: &mut Chance) -> RelayFrame {
        match &mut frame {
            RelayFrame::Reply {
                id,
                reply: Reply::Card(card),
            } => match chance.below(3) {
                0 => garble(card, chance),
                1 => card.clone_from(chance.pick(&self.cards).unwrap_or(&Vec::new())),
                _ => return refused(*id, RefusalCode::NotFound),
            },
            RelayFrame::Reply {
                reply: Reply::Taken(offers),
                ..
            } => match chance.below(3) {
                0 => offers
                    .iter_mut()
                    .for_each(|offer| garble(&mut offer.package, chance)),
                1 => {
                    for offer in offers.iter_mut() {
                        offer
                            .package
                            .clone_from(chance.pick(&self.packages).unwrap_or(&Vec::new()));
                    }
                }
                _ => offers.clear(),
            },
            RelayFrame::Deliver {
                delivered: Delivered::Entry(entry),
                ..
            } => match chance.pick(&self.entries) {
                Some(other) if chance.one_in(2) => entry.body.clone_from(&other.body),
                _ => garble(&mut entry.body, chance),
            },
            _ => {}
        }
        frame
    }

    /// Something else stands before the entry.
    fn inject(
        &mut self,
        who: usize,
        mut frame: RelayFrame,
        chance: &mut Chance,
        out: &mut Vec<RelayFrame>,
    ) {
        let mut false_one = frame.clone();
        if let Some((channel, entry)) = entry_of(&mut frame)
            && let Some((_, put_in)) = entry_of(&mut false_one)
        {
            match chance.pick(&self.entries) {
                Some(other) if !chance.one_in(3) => {
                    put_in.body.clone_from(&other.body);
                    put_in.lane = other.lane;
                    put_in.fence = other.fence;
                    if chance.one_in(2) {
                        put_in.append = other.append;
                    } else {
                        put_in.append = some_append(chance);
                    }
                }
                _ => {
                    put_in.append = some_append(chance);
                    put_in.fence = chance.one_in(4);
                    garble(&mut put_in.body, chance);
                }
            }
            entry.position = entry.position.next();
            self.shift(who, channel, 1);
            out.push(false_one);
        }
        out.push(frame);
    }

    fn lied(&mut self, who: usize, mut frame: RelayFrame, chance: &mut Chance) -> RelayFrame {
        match &mut frame {
            RelayFrame::Reply {
                id,
                reply: Reply::Appended(_),
            } => {
                let codes = [
                    RefusalCode::Stale,
                    RefusalCode::Fenced,
                    RefusalCode::Unavailable,
                    RefusalCode::NotFound,
                    RefusalCode::Quota,
                ];
                refused(*id, *chance.pick(&codes).unwrap_or(&RefusalCode::Stale))
            }
            RelayFrame::Deliver {
                channel, delivered, ..
            } => {
                if let Delivered::Entry(entry) = delivered {
                    let skips = chance.below(3);
                    *delivered = Delivered::Gap(Gap {
                        until: Position(entry.position.0 + skips),
                        hash: ChainHash::start(channel),
                        handshakes: chance.below(3),
                    });
                    let channel = *channel;
                    self.shift(who, channel, i64::try_from(skips).unwrap_or(0));
                }
                frame
            }
            _ => frame,
        }
    }
}

/// Whether no answer to a later frame becomes false when this one is forgotten.
fn stands_alone(frame: &ClientFrame) -> bool {
    matches!(
        frame,
        ClientFrame::Acknowledge { .. }
            | ClientFrame::Request {
                command: Command::Append { .. },
                ..
            }
    )
}

fn keep<T>(loot: &mut Vec<T>, found: T) {
    if loot.len() < LOOT {
        loot.push(found);
    }
}

fn entry_of(frame: &mut RelayFrame) -> Option<(ChannelId, &mut Entry)> {
    match frame {
        RelayFrame::Deliver {
            channel,
            delivered: Delivered::Entry(entry),
            ..
        } => Some((*channel, entry)),
        _ => None,
    }
}

fn garble(bytes: &mut [u8], chance: &mut Chance) {
    let at = chance.index(bytes.len());
    if let Some(byte) = bytes.get_mut(at) {
        *byte ^= 1 << chance.below(8);
    }
}

fn some_append(chance: &mut Chance) -> AppendId {
    let seed = chance.seed();
    AppendId(std::array::from_fn(|index| seed[index]))
}

fn rolled_back(mut frame: RelayFrame, chance: &mut Chance) -> RelayFrame {
    if let RelayFrame::Reply {
        reply: Reply::Subscribed(state),
        ..
    } = &mut frame
    {
        state.head.0 = state.head.0.saturating_sub(chance.between(1, 5));
        state.cursor.0 = state.cursor.0.min(state.head.0);
    }
    frame
}

fn refused(id: sotto_wire::RequestId, code: RefusalCode) -> RelayFrame {
    let refusal = Refusal {
        code,
        retry_after_ms: None,
        handshakes: None,
    };
    RelayFrame::Refused { id, refusal }
}
