//! The journal's live feed between masters: the leader sends what is durable, a standby hands it to its follower.

mod client;
mod service;

use alluxio_journal::Position;
use alluxio_proto::own::JournalPlace;

pub use self::client::follow_leader;
pub use self::service::JournalFeedService;

fn to_wire(position: Position) -> JournalPlace {
    JournalPlace { sequence: Some(position.sequence), term: Some(position.term), chain: Some(position.chain) }
}

/// None when a field is missing.
fn from_wire(place: JournalPlace) -> Option<Position> {
    Some(Position { sequence: place.sequence?, term: place.term?, chain: place.chain? })
}

#[cfg(test)]
mod tests;
