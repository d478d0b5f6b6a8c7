//! The search for an order that explains a history.

use std::{sync::mpsc, thread, time::Duration};

use anyhow::{Result, bail, ensure};
use todc_utils::{Action, History, WGLChecker};

use super::{
    call::{Call, Outcome, Request},
    model::{Asked, Directory},
};

/// Takes the calls on one directory of a workload, in any order, from its first on. Fails when no order explains
/// them, with the shortest part that has none, or when the search takes longer than `limit`.
pub fn check(calls: &[Call], limit: Duration) -> Result<()> {
    let mut calls = calls.to_vec();
    calls.sort_by_key(|call| call.begin);
    if is_explained(calls.clone(), limit)? {
        return Ok(());
    }
    // Every part of a history with an order has one, too: the shortest without one ends with the violation.
    let mut ends: Vec<Duration> = calls.iter().map(|call| call.end).collect();
    ends.sort_unstable();
    let (mut explained, mut unexplained) = (0, ends.len());
    while unexplained - explained > 1 {
        let middle = explained + (unexplained - explained) / 2;
        if is_explained(until(&calls, ends[middle - 1]), limit)? {
            explained = middle;
        } else {
            unexplained = middle;
        }
    }
    let violation = until(&calls, ends[unexplained - 1]);
    let shown: Vec<String> = violation.iter().map(ToString::to_string).collect();
    bail!(
        "no order of these calls explains their answers; without the one that ended last there is one:\n{}",
        shown.join("\n")
    )
}

/// The history as it was known at a moment: what ran then has no outcome yet.
fn until(calls: &[Call], moment: Duration) -> Vec<Call> {
    let begun = calls.iter().filter(|call| call.begin <= moment).cloned();
    let known =
        begun.map(|call| if call.end <= moment { call } else { Call { outcome: Outcome::Unknown, ..call } });
    known.collect()
}

fn is_explained(calls: Vec<Call>, limit: Duration) -> Result<bool> {
    let actions = actions(&calls);
    if actions.is_empty() {
        return Ok(true);
    }
    // In a thread of its own, because the search has no limit: the test that waits in vain fails.
    let (sender, answer) = mpsc::sync_channel(1);
    thread::Builder::new().name("history".to_owned()).spawn(move || {
        // Nobody waits any more when it took too long.
        let _ = sender.send(WGLChecker::<Directory>::is_linearizable(History::from_actions(actions)));
    })?;
    let explained = answer.recv_timeout(limit);
    ensure!(explained.is_ok(), "no order found within {limit:?} for {} calls", calls.len());
    Ok(explained?)
}

/// Begins and ends in the order of time. What may have its effect at any later time ends after all else.
fn actions(calls: &[Call]) -> Vec<(usize, Action<Asked>)> {
    // A read without an answer says nothing.
    let telling = calls.iter().filter(|call| {
        matches!((&call.request, &call.outcome), (Request::Change(_), _) | (_, Outcome::Replied(_)))
    });
    let mut events = Vec::new();
    for (number, call) in telling.enumerate() {
        let asked = (call.request, call.outcome.clone());
        let end = if call.outcome == Outcome::Unknown { Duration::MAX } else { call.end };
        // At the same moment, begins come first: what may overlap does.
        events.push(((call.begin, 0, number), Action::Call(asked.clone())));
        events.push(((end, 1, number), Action::Response(asked)));
    }
    events.sort_by_key(|(time, _)| *time);
    events.into_iter().map(|((_, _, number), action)| (number, action)).collect()
}

#[cfg(test)]
mod tests {
    use rand::{Rng, SeedableRng, rngs::StdRng, seq::IndexedRandom};
    use todc_utils::Specification;

    use super::*;
    use crate::history::{Change, Found, Kind, Refusal, Reply, Slot};

    const LIMIT: Duration = Duration::from_secs(20);

    fn call(begin: u64, end: u64, request: Request, outcome: Outcome) -> Call {
        let at = Duration::from_millis;
        Call { client: 0, request, begin: at(begin), end: at(end), outcome }
    }

    fn done(begin: u64, end: u64, change: Change) -> Call {
        call(begin, end, Request::Change(change), Outcome::Replied(Reply::Done))
    }

    fn read(begin: u64, end: u64, slot: Slot, found: Option<i64>) -> Call {
        let reply = match found {
            Some(id) => Reply::Status(Found { kind: Kind::File { complete: false }, id }),
            None => Reply::Refused(Refusal::NotFound),
        };
        call(begin, end, Request::Status(slot), Outcome::Replied(reply))
    }

    fn delete(slot: Slot) -> Change {
        Change::Delete { slot, recursive: false }
    }

    #[test]
    fn what_happens_at_the_same_time_may_be_seen_or_not() {
        let a = Slot::top(0);
        for seen in [None, Some(7)] {
            let calls = [done(0, 10, Change::CreateFile(a)), read(5, 6, a, seen), read(11, 12, a, Some(7))];
            check(&calls, LIMIT).unwrap();
        }
    }

    #[test]
    fn violations_are_found() {
        let (a, b) = (Slot::top(0), Slot::top(1));
        let create = done(0, 1, Change::CreateFile(a));
        let unknown = |change| call(2, 3, Request::Change(change), Outcome::Unknown);
        let lost = [create.clone(), read(2, 3, a, None)];
        let back = [create.clone(), done(2, 3, delete(a)), read(4, 5, a, Some(7))];
        let half = [create.clone(), done(2, 3, Change::Rename { from: a, to: b }), read(4, 5, a, Some(7))];
        let other = [create.clone(), read(2, 3, a, Some(7)), read(4, 5, a, Some(8))];
        // What is read after a delete and a new creation is the old file.
        let stale = [
            create.clone(),
            read(2, 3, a, Some(7)),
            done(4, 5, delete(a)),
            done(6, 7, Change::CreateFile(a)),
            read(8, 9, a, Some(7)),
        ];
        // Once it was seen to have happened, it has happened.
        let wavering = [create.clone(), unknown(delete(a)), read(4, 5, a, None), read(6, 7, a, Some(7))];
        for (name, calls) in [
            ("lost", &lost[..]),
            ("back", &back),
            ("half", &half),
            ("other", &other),
            ("stale", &stale),
            ("wavering", &wavering),
        ] {
            let error = check(calls, LIMIT).unwrap_err().to_string();
            // All but the last call can be explained, so the last one is shown.
            let last = calls.last().unwrap().to_string();
            assert!(error.ends_with(&last), "{name}: {error}");
        }
        check(&[create, unknown(delete(a)), read(4, 5, a, Some(7)), read(6, 7, a, None)], LIMIT).unwrap();
    }

    #[test]
    fn the_shortest_unexplained_part_is_shown() {
        let a = Slot::top(0);
        let mut calls: Vec<Call> = vec![done(0, 1, Change::CreateFile(a))];
        calls.extend((1..50).map(|at| read(2 * at, 2 * at + 1, a, if at == 20 { None } else { Some(7) })));
        let error = check(&calls, LIMIT).unwrap_err().to_string();
        assert_eq!(error.lines().count(), 1 + 21, "{error}");
        assert!(error.ends_with(&calls[20].to_string()), "{error}");
    }

    /// All orders of a few calls, one after the other.
    fn any_order(calls: &[Call], used: u32, state: &<Directory as Specification>::State) -> bool {
        let left: Vec<usize> = (0..calls.len()).filter(|at| used & (1 << at) == 0).collect();
        let end = |call: &Call| if call.outcome == Outcome::Unknown { Duration::MAX } else { call.end };
        left.is_empty()
            || left.iter().any(|at| {
                let call = &calls[*at];
                let may_be_next = left.iter().all(|other| end(&calls[*other]) >= call.begin);
                let (fits, after) = Directory::apply(&(call.request, call.outcome.clone()), state);
                may_be_next && fits && any_order(calls, used | (1 << at), &after)
            })
    }

    #[test]
    fn it_agrees_with_a_search_through_all_orders() {
        let mut random = StdRng::seed_from_u64(1);
        let (a, x) = (Slot::top(0), Slot::below(0, 0));
        let changes = [
            Change::CreateFile(a),
            Change::MakeDirectory(a),
            Change::CreateFile(x),
            Change::Delete { slot: a, recursive: true },
            Change::Rename { from: x, to: Slot::top(1) },
        ];
        let (mut explained, mut unexplained) = (0, 0);
        for _ in 0..3000 {
            let mut calls = Vec::new();
            for _ in 0..6 {
                let begin = random.random_range(0..30);
                let end = begin + random.random_range(1..15);
                let change = *changes.choose(&mut random).unwrap();
                calls.push(match random.random_range(0..6) {
                    0 => call(begin, end, Request::Change(change), Outcome::Unknown),
                    1 => call(begin, end, Request::Change(change), Outcome::Perhaps),
                    2 | 3 => done(begin, end, change),
                    _ => read(begin, end, a, random.random_bool(0.5).then(|| random.random_range(1..3))),
                });
            }
            let expected = any_order(&calls, 0, &Directory::init());
            assert_eq!(is_explained(calls.clone(), LIMIT).unwrap(), expected, "{calls:#?}");
            if expected { explained += 1 } else { unexplained += 1 }
        }
        assert!(explained > 200 && unexplained > 200, "{explained} and {unexplained}");
    }
}
