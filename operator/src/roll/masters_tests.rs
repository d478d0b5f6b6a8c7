use super::*;
use MasterRole::{Leader, Standby, Unknown};

const DEADLINE: Duration = Duration::from_secs(600);
const LEADS: MasterRole = Leader { serving: true };
const FOLLOWS: MasterRole = Standby { lag: Duration::ZERO };

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn master(ordinal: u32, hash: &str, role: MasterRole) -> Master {
    Master {
        pod: format!("a-master-{ordinal}"),
        ordinal,
        hash: Some(hash.to_owned()),
        created: at(0),
        terminating: false,
        ready: true,
        role,
        failing: None,
    }
}

fn masters(pods: Vec<Master>) -> Masters {
    let count = u32::try_from(pods.len()).unwrap();
    Masters {
        hash: "new".to_owned(),
        count,
        current_count: count,
        template_observed: true,
        pods,
        strategy: Strategy::Rolling,
        now: at(10),
        progress_deadline: DEADLINE,
        max_lag: Duration::from_secs(10),
        leaderless_since: None,
    }
}

fn replaced(step: &Step) -> Vec<&str> {
    match step {
        Step::Replace { pods, .. } => pods.iter().map(String::as_str).collect(),
        _ => Vec::new(),
    }
}

fn waits_for(step: &Step, what: &str) {
    assert!(matches!(step, Step::Wait(why) if why.contains(what)), "{step:?}");
}

#[test]
fn nothing_to_do() {
    let step = masters(vec![master(0, "new", LEADS), master(1, "new", FOLLOWS)]).plan();
    assert_eq!(step, MastersPlan { replicas: 2, step: Step::Settled });
}

#[test]
fn standbys_from_the_highest_then_the_leader() {
    let mut all =
        masters(vec![master(0, "old", FOLLOWS), master(1, "old", LEADS), master(2, "old", FOLLOWS)]);
    for (expected, why) in [(2, Why::Standby), (0, Why::Standby), (1, Why::Leader)] {
        let name = format!("a-master-{expected}");
        assert_eq!(all.plan().step, Step::Replace { pods: vec![name], why });
        all.pods[expected].hash = Some("new".to_owned());
    }
    assert_eq!(all.plan().step, Step::Settled);
}

#[test]
fn a_single_master_is_replaced() {
    let all = masters(vec![master(0, "old", LEADS)]);
    assert_eq!(replaced(&all.plan().step), ["a-master-0"]);
}

#[test]
fn no_step_while_another_is_not_well() {
    let well = masters(vec![master(0, "old", LEADS), master(1, "old", FOLLOWS), master(2, "new", FOLLOWS)]);
    assert_eq!(replaced(&well.plan().step), ["a-master-1"]);

    let mut all = well.clone();
    all.pods[2].ready = false;
    waits_for(&all.plan().step, "a-master-2 is not ready");
    all.pods[2].terminating = true;
    waits_for(&all.plan().step, "a-master-2 is ending");

    let mut all = well.clone();
    all.pods[2].role = Standby { lag: Duration::from_secs(11) };
    waits_for(&all.plan().step, "a-master-2 is still behind");
    all.pods[2].role = Unknown;
    waits_for(&all.plan().step, "a-master-2 does not answer");

    let mut all = well.clone();
    all.pods.pop();
    waits_for(&all.plan().step, "2 of 3 masters exist");

    let mut all = well.clone();
    all.pods[0].role = Leader { serving: false };
    waits_for(&all.plan().step, "no master serves yet");

    let mut all = well;
    all.template_observed = false;
    waits_for(&all.plan().step, "has not seen the change");
}

#[test]
fn a_step_that_fails_stops_the_roll_and_reverting_heals_it() {
    let mut all =
        masters(vec![master(0, "old", LEADS), master(1, "old", FOLLOWS), master(2, "new", Unknown)]);
    all.pods[2].ready = false;
    all.now = at(599);
    waits_for(&all.plan().step, "a-master-2");
    all.now = at(600);
    let step = all.plan().step;
    assert!(matches!(&step, Step::Stopped(failure) if failure.pod == "a-master-2"), "{step:?}");
    all.now = at(30);
    all.pods[2].failing = Some("CrashLoopBackOff".to_owned());
    assert!(matches!(all.plan().step, Step::Stopped(failure) if failure.seen == "CrashLoopBackOff"));
    all.hash = "old".to_owned();
    assert_eq!(all.plan().step, Step::Replace { pods: vec!["a-master-2".to_owned()], why: Why::Broken });
}

#[test]
fn what_is_broken_though_current_is_no_roll() {
    let mut all = masters(vec![master(0, "new", LEADS), master(1, "new", FOLLOWS)]);
    all.pods[1].ready = false;
    all.now = at(700);
    assert!(matches!(all.plan().step, Step::Unwell(failure) if failure.pod == "a-master-1"));
}

#[test]
fn without_a_leader_for_long_the_roll_goes_on() {
    let mut all = masters(vec![master(0, "old", FOLLOWS), master(1, "old", FOLLOWS)]);
    all.leaderless_since = Some(at(5));
    waits_for(&all.plan().step, "no master serves");
    all.now = at(605);
    assert_eq!(replaced(&all.plan().step), ["a-master-1"]);
}

#[test]
fn a_leader_whose_ordinal_goes_hands_over_first() {
    let mut all =
        masters(vec![master(0, "new", FOLLOWS), master(1, "new", FOLLOWS), master(2, "new", LEADS)]);
    all.count = 1;
    let handed = Step::Replace { pods: vec!["a-master-2".to_owned()], why: Why::LeaderLeaves };
    assert_eq!(all.plan(), MastersPlan { replicas: 3, step: handed });
    // The next leader goes, too.
    all.pods[2].role = FOLLOWS;
    all.pods[1].role = LEADS;
    assert_eq!(replaced(&all.plan().step), ["a-master-1"]);
    all.pods[1].terminating = true;
    waits_for(&all.plan().step, "a-master-1 is ending");
    all.pods[1].terminating = false;
    all.pods[1].role = FOLLOWS;
    waits_for(&all.plan().step, "no master leads");
    all.pods[0].role = LEADS;
    assert_eq!(all.plan(), MastersPlan { replicas: 1, step: Step::Settled });
    // One that cannot take over is not given the cluster.
    all.pods[0].role = Unknown;
    all.pods[2].role = LEADS;
    waits_for(&all.plan().step, "none of those that stay can take over");
}

#[test]
fn more_masters_are_started_at_once() {
    let mut all = masters(vec![master(0, "new", LEADS)]);
    all.count = 3;
    let plan = all.plan();
    assert_eq!(plan.replicas, 3);
    waits_for(&plan.step, "1 of 3 masters exist");
}

#[test]
fn recreate_takes_all_outdated_at_once() {
    let mut all =
        masters(vec![master(0, "old", LEADS), master(1, "old", FOLLOWS), master(2, "new", FOLLOWS)]);
    all.strategy = Strategy::Recreate;
    assert_eq!(replaced(&all.plan().step), ["a-master-0", "a-master-1"]);
    all.pods[0].terminating = true;
    assert_eq!(replaced(&all.plan().step), ["a-master-1"]);
}
