//! From bytes that somebody sent to a chain that may be believed.

use minicbor::bytes::ByteVec;
use minicbor::{Decode, Decoder, Encode};
use sotto_wire::decode;

use super::{Chain, Link};
use crate::AccountId;
use crate::identity::lineage::Lineage;
use crate::identity::statement::{Header, Kind, Statement, StatementHash};
use crate::identity::{ChainError, DeviceList, Genesis, limits};

/// A chain as it came from outside: well formed, and nothing more is known of it.
#[derive(Clone)]
pub struct UnverifiedChain {
    genesis: Genesis,
    statements: Vec<Statement>,
}

#[derive(Encode, Decode)]
#[cbor(map)]
pub(super) struct Encoded {
    #[n(0)]
    genesis: ByteVec,
    #[cbor(n(1), decode_with = "bounded")]
    statements: Vec<Statement>,
}

impl Encoded {
    pub(super) fn of(genesis: &Genesis, statements: Vec<Statement>) -> Self {
        Self {
            genesis: genesis.encoded().to_vec().into(),
            statements,
        }
    }
}

/// At most as many as a chain may have, refused before the first is read.
fn bounded<'b, Ctx>(
    decoder: &mut Decoder<'b>,
    context: &mut Ctx,
) -> Result<Vec<Statement>, minicbor::decode::Error> {
    at_most(limits::MAX_STATEMENTS, decoder, context)
}

/// A list of statements, refused by its length before the first is read.
pub(in crate::identity) fn at_most<'b, Ctx>(
    max: usize,
    decoder: &mut Decoder<'b>,
    context: &mut Ctx,
) -> Result<Vec<Statement>, minicbor::decode::Error> {
    let len = decoder.array()?.and_then(|len| usize::try_from(len).ok());
    let Some(len) = len.filter(|len| *len <= max) else {
        return Err(minicbor::decode::Error::message("too many statements"));
    };
    (0..len).map(|_| decoder.decode_with(context)).collect()
}

impl UnverifiedChain {
    /// Reads a chain's bytes, at most [`limits::MAX_CHAIN`].
    ///
    /// # Errors
    /// [`ChainError::Encoding`].
    pub fn decode(bytes: &[u8]) -> Result<Self, ChainError> {
        let encoded: Encoded = decode(bytes, limits::MAX_CHAIN)?;
        Ok(Self {
            genesis: Genesis::decode(&encoded.genesis)?,
            statements: encoded.statements,
        })
    }

    /// Whose chain it says it is.
    pub(crate) fn claimed(&self) -> AccountId {
        self.genesis.account_id()
    }

    /// Verifies every statement, from the genesis on.
    ///
    /// # Errors
    /// The first thing found wrong; [`ChainError::WrongAccount`] when the chain is not that of
    /// the account expected.
    pub fn verify(self, expected: &AccountId) -> Result<Chain, ChainError> {
        if self.genesis.account_id() != *expected {
            return Err(ChainError::WrongAccount);
        }
        let mut walk = Walk::from(self.genesis);
        for statement in self.statements {
            walk.step(statement)?;
        }
        walk.finish()
    }
}

impl std::fmt::Debug for UnverifiedChain {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "UnverifiedChain({} statements)", self.statements.len())
    }
}

/// A chain, verified as far as it was walked.
pub(super) struct Walk {
    lineage: Lineage,
    statements: Vec<Statement>,
    links: Vec<Link>,
    /// The newest list since the last rotation, by its place among the statements.
    list: Option<(usize, Header)>,
}

impl Walk {
    pub(super) fn from(genesis: Genesis) -> Self {
        Self {
            lineage: Lineage::of(genesis),
            statements: Vec::new(),
            links: Vec::new(),
            list: None,
        }
    }

    /// Takes up a chain where it ends.
    pub(super) fn on(chain: &Chain) -> Self {
        Self {
            lineage: chain.lineage.clone(),
            statements: chain.statements.clone(),
            links: chain.links.clone(),
            list: None,
        }
    }

    pub(super) fn lineage(&self) -> &Lineage {
        &self.lineage
    }

    pub(super) fn next_number(&self) -> u32 {
        u32::try_from(self.links.len())
            .unwrap_or(u32::MAX)
            .saturating_add(1)
    }

    pub(super) fn head(&self) -> StatementHash {
        let beginning = StatementHash(self.lineage.account().0);
        self.links.last().map_or(beginning, |link| link.hash)
    }

    /// Verifies one more statement.
    pub(super) fn step(&mut self, statement: Statement) -> Result<(), ChainError> {
        if self.links.len() >= limits::MAX_STATEMENTS {
            return Err(ChainError::TooLong);
        }
        let number = self.next_number();
        let header = statement.header()?;
        if header.number != number {
            return Err(ChainError::Misnumbered { number });
        }
        if header.previous != self.head() {
            return Err(ChainError::BrokenLink { number });
        }
        match header.kind {
            Kind::List => {
                if !statement.is_signed_by(&self.lineage.account_key(), &header) {
                    return Err(ChainError::BadSignature { number });
                }
                // If there is a body, it must be the right one, even where it is not needed.
                statement.body(&header)?;
                self.list = Some((self.statements.len(), header.clone()));
            }
            Kind::Rotation => {
                self.lineage.follow(&statement, &header)?;
                self.list = None;
            }
        }
        self.links.push(Link {
            hash: statement.hash(),
            rivals: header.rivals.unwrap_or_default(),
        });
        self.statements.push(statement);
        Ok(())
    }

    /// The chain, if it ends with a device list in force.
    pub(super) fn finish(self) -> Result<Chain, ChainError> {
        let (place, header) = self.list.ok_or(ChainError::NoDeviceList)?;
        let missing = ChainError::BodyMissing {
            number: header.number,
        };
        let newest = self.statements.get(place).ok_or(missing.clone())?;
        let list = DeviceList::decode(newest.body(&header)?.ok_or(missing)?)?;
        let rotations = self.lineage.rotations();
        let statements = self
            .statements
            .into_iter()
            .zip(&self.links)
            .enumerate()
            .map(|(at, (statement, link))| {
                if at == place || rotations.contains(&link.hash) {
                    statement
                } else {
                    statement.without_body()
                }
            })
            .collect();
        Ok(Chain {
            lineage: self.lineage,
            statements,
            links: self.links,
            list,
        })
    }
}
