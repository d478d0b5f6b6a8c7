//! Another candidate with the address of this one.

use std::time::Duration;

/// A candidate before this one has the same address. It is either dead, and its session ends in time, or it lives.
#[derive(Debug, Default)]
pub(crate) struct Namesake {
    /// Its node, and since when ZooKeeper must have been counting.
    known: Option<(String, Duration)>,
}

/// What a look says of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Seen {
    Nobody,
    /// For the first time.
    New,
    /// Its session may still end.
    Waiting,
    /// Its session would have ended.
    Lives,
}

impl Namesake {
    /// `interrupted`: the connection to ZooKeeper was lost since the last look. Then the waiting begins anew: a ZooKeeper that comes
    /// back gives each session its whole time again, those of the dead too.
    pub(crate) fn seen(
        &mut self,
        name: Option<String>,
        now: Duration,
        interrupted: bool,
        patience: Duration,
    ) -> Seen {
        match (name, &mut self.known) {
            (None, known) => {
                *known = None;
                Seen::Nobody
            }
            (Some(name), Some((known, since))) if name == *known => {
                if interrupted {
                    *since = now;
                }
                if now.saturating_sub(*since) < patience { Seen::Waiting } else { Seen::Lives }
            }
            (Some(name), known) => {
                *known = Some((name, now));
                Seen::New
            }
        }
    }

    /// It was told to go once more: it has as long again for that.
    pub(crate) fn told(&mut self, now: Duration) {
        if let Some((_, since)) = &mut self.known {
            *since = now;
        }
    }

    /// When to look again if nothing changes before.
    pub(crate) fn look_in(&self, now: Duration, patience: Duration) -> Option<Duration> {
        self.known.as_ref().map(|(_, since)| patience.saturating_sub(now.saturating_sub(*since)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_secs(6);

    /// One that is seen at the given seconds; true where the connection was lost before.
    fn looks(looks: &[(u64, bool)]) -> Vec<Seen> {
        let mut namesake = Namesake::default();
        let seconds = Duration::from_secs;
        looks
            .iter()
            .map(|(at, lost)| namesake.seen(Some("n".to_owned()), seconds(*at), *lost, PATIENCE))
            .collect()
    }

    #[test]
    fn who_stands_for_longer_than_a_dead_session_lives() {
        assert_eq!(
            looks(&[(100, false), (105, false), (106, false)]),
            [Seen::New, Seen::Waiting, Seen::Lives]
        );
    }

    #[test]
    fn the_waiting_begins_anew_after_an_outage() {
        let seen = looks(&[(100, false), (400, true), (405, false), (406, false)]);
        assert_eq!(seen, [Seen::New, Seen::Waiting, Seen::Waiting, Seen::Lives]);
    }

    #[test]
    fn another_one_is_waited_for_from_its_first_sight_on() {
        let mut namesake = Namesake::default();
        let seconds = Duration::from_secs;
        let mut seen =
            |name: Option<&str>, at| namesake.seen(name.map(str::to_owned), seconds(at), false, PATIENCE);
        assert_eq!(
            [seen(Some("a"), 1), seen(Some("b"), 7), seen(None, 8), seen(Some("b"), 20)],
            [Seen::New, Seen::New, Seen::Nobody, Seen::New]
        );
        assert_eq!(namesake.look_in(seconds(22), PATIENCE), Some(seconds(4)));
    }

    #[test]
    fn who_was_told_is_looked_at_again_and_again() {
        let mut namesake = Namesake::default();
        let seconds = Duration::from_secs;
        let mut told = Vec::new();
        for at in [100, 106, 112] {
            told.push(namesake.seen(Some("n".to_owned()), seconds(at), false, PATIENCE));
            namesake.told(seconds(at));
            assert_eq!(namesake.look_in(seconds(at), PATIENCE), Some(PATIENCE));
        }
        assert_eq!(told, [Seen::New, Seen::Lives, Seen::Lives]);
    }
}
