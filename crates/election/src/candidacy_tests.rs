//! The law of the election, against a model of ZooKeeper whose messages are late or lost and whose sessions end as
//! early as they may: at no moment two leases are valid; and once it is quiet, one master leads.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

const TIMEOUT: Duration = Duration::from_millis(4000);

#[derive(Default)]
struct Model {
    now: Duration,
    /// When ZooKeeper last heard of each session that lives.
    sessions: BTreeMap<u64, Duration>,
    /// The number of a node in the queue, and its session.
    nodes: BTreeMap<u64, u64>,
    next: u64,
}

#[derive(Clone, Debug)]
struct Request {
    step: Step,
    session: Option<u64>,
    /// The node that leads, for a renewal.
    node: Option<u64>,
    sent: Duration,
    /// Nodes from this number on were created later.
    before: u64,
}

#[derive(Clone, Debug)]
enum Answer {
    Connected(u64),
    Entered,
    Created,
    Names(Vec<String>),
    Changed,
    Renewed { sent: Duration },
    Gone,
    Withdrawn,
    Expired,
}

impl Model {
    fn number(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    fn name(&self, number: u64) -> String {
        format!("{}lock-{number:010}", mark(self.nodes[&number]))
    }

    fn pass(&mut self, time: Duration) {
        self.now += time;
        let now = self.now;
        self.sessions.retain(|_, heard| *heard + TIMEOUT > now);
        let sessions = &self.sessions;
        self.nodes.retain(|_, session| sessions.contains_key(session));
    }

    /// A request reaches ZooKeeper. `None`: no answer yet.
    fn arrive(&mut self, request: &Request) -> Option<Answer> {
        if request.step == Step::Connect {
            let session = self.number();
            self.sessions.insert(session, self.now);
            return Some(Answer::Connected(session));
        }
        let session = request.session.unwrap_or_default();
        let Some(heard) = self.sessions.get_mut(&session) else { return Some(Answer::Expired) };
        *heard = self.now;
        Some(match &request.step {
            Step::Enter => Answer::Entered,
            Step::Stand => {
                let number = self.number();
                self.nodes.insert(number, session);
                Answer::Created
            }
            Step::Look => Answer::Names(self.nodes.keys().rev().map(|number| self.name(*number)).collect()),
            Step::Watch(name) if self.nodes.contains_key(&node::sequence(name).unwrap()) => return None,
            Step::Watch(_) => Answer::Changed,
            Step::Renew { .. } if request.node.is_some_and(|node| self.nodes.contains_key(&node)) => {
                Answer::Renewed { sent: request.sent }
            }
            Step::Renew { .. } => Answer::Gone,
            Step::Withdraw => {
                self.nodes.retain(|number, owner| *owner != session || *number >= request.before);
                Answer::Withdrawn
            }
            Step::Connect | Step::WaitForRelease => unreachable!(),
        })
    }
}

fn mark(session: u64) -> String {
    format!("_c_{session}-")
}

struct Master {
    candidacy: Candidacy,
    session: Option<u64>,
    request: Option<Request>,
    answer: Option<Answer>,
}

impl Master {
    fn send(&mut self, model: &Model) {
        let step = self.candidacy.next();
        let early = matches!(step, Step::Renew { at } if at > model.now);
        if self.request.is_some() || self.answer.is_some() || early || step == Step::WaitForRelease {
            return;
        }
        let node = self.candidacy.leading().and_then(|(name, _)| node::sequence(name));
        let (session, sent, before) = (self.session, model.now, model.next + 1);
        self.request = Some(Request { step, session, node, sent, before });
    }

    fn arrive(&mut self, model: &mut Model) {
        if let Some(answer) = self.request.as_ref().and_then(|request| model.arrive(request)) {
            self.request = None;
            self.answer = Some(answer);
        }
    }

    fn take(&mut self) {
        match self.answer.take() {
            None => {}
            Some(Answer::Connected(session)) => {
                self.session = Some(session);
                self.candidacy.connected(TIMEOUT, mark(session));
            }
            Some(Answer::Entered) => self.candidacy.entered(),
            Some(Answer::Created) => self.candidacy.stood(),
            Some(Answer::Names(names)) => drop(self.candidacy.saw(&names)),
            Some(Answer::Changed) => self.candidacy.changed(),
            Some(Answer::Renewed { sent }) => self.candidacy.renewed(sent),
            Some(Answer::Gone) => self.candidacy.gone(),
            Some(Answer::Withdrawn) => self.candidacy.withdrawn(),
            Some(Answer::Expired) => self.candidacy.expired(),
        }
    }

    fn work(&mut self, model: &mut Model) {
        if let Some(heard) = self.session.and_then(|session| model.sessions.get_mut(&session)) {
            *heard = model.now;
        }
        self.send(model);
        self.arrive(model);
        self.take();
        if self.candidacy.lost().is_some() {
            self.candidacy.released();
        }
    }

    /// The connection is lost. What was under way may still reach ZooKeeper.
    fn lose(&mut self) -> Option<Request> {
        let stray = self.request.take();
        if stray.as_ref().is_some_and(|request| request.step == Step::Stand)
            || matches!(self.answer, Some(Answer::Created))
        {
            self.candidacy.stood();
        }
        self.answer = None;
        self.candidacy.disconnected();
        stray
    }

    fn lease_is_valid(&self, now: Duration) -> bool {
        self.candidacy.leading().is_some_and(|(_, until)| until > now)
    }
}

#[derive(Clone, Debug)]
enum Event {
    Send,
    Arrive,
    Take,
    Lose,
    /// What was lost reaches ZooKeeper after all.
    Stray,
    Release,
    Pass(u64),
    /// That many times: all masters but the one that is stopped take a step, and time passes. ZooKeeper hears of
    /// them meanwhile, as their connections live.
    Run {
        times: usize,
        ms: u64,
    },
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        30 => Just(Event::Send),
        30 => Just(Event::Arrive),
        30 => Just(Event::Take),
        3 => Just(Event::Lose),
        3 => Just(Event::Stray),
        2 => Just(Event::Release),
        4 => (1_u64..400).prop_map(Event::Pass),
        1 => (400_u64..4500).prop_map(Event::Pass),
        10 => (1_usize..60, 1_u64..150).prop_map(|(times, ms)| Event::Run { times, ms }),
    ]
}

fn leaders(masters: &[Master], now: Duration) -> usize {
    masters.iter().filter(|master| master.lease_is_valid(now)).count()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]
    #[test]
    fn never_two_and_in_the_end_one(events in prop::collection::vec((0_usize..3, event()), 1..200)) {
        let mut model = Model::default();
        let mut strays = Vec::new();
        let mut masters: Vec<Master> = [Policy::Session, Policy::Standard, Policy::Session]
            .map(|policy| Master {
                candidacy: Candidacy::new(policy),
                session: None,
                request: None,
                answer: None,
            })
            .into();
        for (who, event) in events {
            let master = &mut masters[who];
            match event {
                Event::Send => master.send(&model),
                Event::Arrive => master.arrive(&mut model),
                Event::Take => master.take(),
                Event::Lose => strays.extend(master.lose()),
                Event::Stray => {
                    if let Some(request) = strays.pop() {
                        model.arrive(&request);
                    }
                }
                Event::Release => {
                    if master.candidacy.held {
                        // What was asked of the former leadership is not waited for.
                        strays.extend(master.request.take());
                        master.answer = None;
                        master.candidacy.released();
                    }
                }
                Event::Pass(ms) => model.pass(Duration::from_millis(ms)),
                Event::Run { times, ms } => {
                    for _ in 0..times {
                        for (index, master) in masters.iter_mut().enumerate() {
                            if index != who {
                                master.work(&mut model);
                            }
                        }
                        prop_assert!(leaders(&masters, model.now) <= 1, "two leases are valid");
                        model.pass(Duration::from_millis(ms));
                    }
                }
            }
            prop_assert!(leaders(&masters, model.now) <= 1, "two leases are valid at {:?}", model.now);
        }
        for _ in 0..300 {
            for master in &mut masters {
                master.work(&mut model);
            }
            prop_assert!(leaders(&masters, model.now) <= 1);
            model.pass(Duration::from_millis(50));
        }
        prop_assert_eq!(leaders(&masters, model.now), 1, "nobody leads once it is quiet");
    }
}

fn leader(policy: Policy) -> Candidacy {
    let mut candidacy = Candidacy::new(policy);
    assert_eq!(candidacy.next(), Step::Connect);
    candidacy.connected(TIMEOUT, "_c_a-".to_owned());
    assert_eq!(candidacy.next(), Step::Enter);
    candidacy.entered();
    assert_eq!(candidacy.next(), Step::Stand);
    candidacy.stood();
    assert_eq!(candidacy.next(), Step::Look);
    assert!(candidacy.saw(&["_c_b-lock-0000000009".to_owned(), "_c_a-lock-0000000007".to_owned()]));
    candidacy.renewed(Duration::from_secs(10));
    candidacy
}

#[test]
fn a_lease_counts_from_the_sending() {
    let candidacy = leader(Policy::Session);
    assert_eq!(candidacy.leading(), Some(("_c_a-lock-0000000007", Duration::from_millis(13_600))));
    assert_eq!(candidacy.next(), Step::Renew { at: Duration::from_secs(10) + TIMEOUT / 6 });
}

#[test]
fn the_policy_says_what_a_lost_connection_means() {
    let mut patient = leader(Policy::Session);
    patient.disconnected();
    assert_eq!(patient.lost(), None);
    patient.expired();
    assert_eq!((patient.lost(), patient.next()), (Some(Lost::SessionExpired), Step::WaitForRelease));

    let mut strict = leader(Policy::Standard);
    strict.disconnected();
    assert_eq!((strict.lost(), strict.next()), (Some(Lost::Disconnected), Step::Withdraw));
    strict.withdrawn();
    assert_eq!(strict.next(), Step::WaitForRelease, "it stands again only when the master has let go");
    strict.released();
    assert_eq!((strict.lost(), strict.next()), (None, Step::Stand));
}

#[test]
fn each_waits_for_the_one_before_it() {
    let mut candidacy = Candidacy::new(Policy::Session);
    candidacy.connected(TIMEOUT, "_c_a-".to_owned());
    candidacy.entered();
    candidacy.stood();
    let names =
        ["_c_a-lock-0000000012", "_c_z-lock-0000000002", "_c_b-lock-0000000011", "other"].map(str::to_owned);
    assert!(!candidacy.saw(&names));
    assert_eq!(candidacy.next(), Step::Watch("_c_b-lock-0000000011".to_owned()));
    candidacy.changed();
    assert_eq!(candidacy.next(), Step::Look);
    assert!(!candidacy.saw(&names[1..]));
    assert_eq!(candidacy.next(), Step::Stand, "its node is gone");
}
