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
        terminating: false,
        ready: true,
        ready_changed: at(0),
        started: true,
        role,
        silent_since: (role == Unknown).then(|| at(0)),
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
        ever_served: true,
    }
}

fn replaced(step: &Step) -> Vec<&str> {
    match step {
        Step::Replace { pod, .. } => vec![pod],
        _ => Vec::new(),
    }
}

fn waits_for(step: &Step, what: &str) {
    assert!(matches!(step, Step::Wait(why) if why.to_string().contains(what)), "{step:?}");
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
        assert_eq!(all.plan().step, Step::Replace { pod: name, why });
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
    waits_for(&all.plan().step, "does not have the change");
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
    assert_eq!(all.plan().step, Step::Replace { pod: "a-master-2".to_owned(), why: Why::Broken });
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
    let handed = Step::Replace { pod: "a-master-2".to_owned(), why: Why::LeaderLeaves };
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

/// ZooKeeper is away: the leader is not ready, since it cannot tell whether it still leads; its standbys are.
#[test]
fn a_leader_that_is_not_ready_is_not_the_first_to_go() {
    let mut all =
        masters(vec![master(0, "old", FOLLOWS), master(1, "old", FOLLOWS), master(2, "old", FOLLOWS)]);
    (all.pods[2].ready, all.pods[2].role) = (false, Leader { serving: false });
    (all.pods[2].ready_changed, all.leaderless_since) = (at(5), Some(at(5)));
    waits_for(&all.plan().step, "a-master-2 is not ready");
    // Longer than anybody waits for a service: without one, but still the leader last.
    all.now = at(605);
    assert_eq!(replaced(&all.plan().step), ["a-master-1"]);
    all.pods[1].hash = Some("new".to_owned());
    assert_eq!(replaced(&all.plan().step), ["a-master-0"]);
    all.pods[0].hash = Some("new".to_owned());
    assert_eq!(replaced(&all.plan().step), ["a-master-2"]);
}

/// A standby that answers and is not ready replays, or has fallen behind: not while another one is away by our doing.
#[test]
fn a_standby_that_is_not_ready_goes_the_normal_way() {
    let mut all =
        masters(vec![master(0, "old", LEADS), master(1, "old", FOLLOWS), master(2, "new", FOLLOWS)]);
    (all.pods[1].ready, all.pods[1].role) = (false, Standby { lag: Duration::from_secs(60) });
    for lost in [Unknown, FOLLOWS] {
        (all.pods[2].ready, all.pods[2].role) = (false, lost);
        waits_for(&all.plan().step, "a-master-2 is not ready");
    }
    (all.pods[2].ready, all.pods[2].role) = (true, FOLLOWS);
    assert_eq!(all.plan().step, Step::Replace { pod: "a-master-1".to_owned(), why: Why::Standby });
}

/// Each of three restarted masters replays, and somebody edits meanwhile.
#[test]
fn masters_that_replay_are_left_alone_until_one_serves() {
    let mut all =
        masters(vec![master(0, "old", FOLLOWS), master(1, "old", FOLLOWS), master(2, "old", FOLLOWS)]);
    all.pods.iter_mut().for_each(|pod| pod.ready = false);
    waits_for(&all.plan().step, "is not ready");
    // A cluster that never served has nothing to lose, but one after the other all the same.
    all.ever_served = false;
    assert_eq!(replaced(&all.plan().step), ["a-master-2"]);
    all.pods[2].hash = Some("new".to_owned());
    waits_for(&all.plan().step, "a-master-2 is not ready");
    all.pods[2].ready = true;
    assert_eq!(replaced(&all.plan().step), ["a-master-1"]);
    let mut alone = masters(vec![master(0, "old", FOLLOWS)]);
    alone.pods[0].ready = false;
    assert_eq!(replaced(&alone.plan().step), ["a-master-0"], "the only one, and it serves nobody");
}

#[test]
fn what_is_no_master_is_broken_whatever_the_others_are() {
    let mut all =
        masters(vec![master(0, "old", FOLLOWS), master(1, "old", FOLLOWS), master(2, "old", Unknown)]);
    all.pods.iter_mut().for_each(|pod| pod.ready = false);
    waits_for(&all.plan().step, "is not ready");
    let broken = Step::Replace { pod: "a-master-2".to_owned(), why: Why::Broken };
    let mut never_ran = all.clone();
    never_ran.pods[2].started = false;
    assert_eq!(never_ran.plan().step, broken);
    let mut fails = all.clone();
    fails.pods[2].failing = Some("CrashLoopBackOff".to_owned());
    assert_eq!(fails.plan().step, broken);
    let mut hangs = all.clone();
    hangs.now = at(600);
    assert_eq!(hangs.plan().step, broken);
    // What fails beside a master that answers, such as a container of the user's, is no reason.
    let mut beside = fails;
    (beside.pods[2].role, beside.pods[2].silent_since) = (LEADS, None);
    waits_for(&beside.plan().step, "is not ready");
}

/// Two that an edit broke, and that answer: each must not wait for the other.
#[test]
fn what_failed_with_the_old_template_does_not_hold_up_the_new_one() {
    let mut all =
        masters(vec![master(0, "old", LEADS), master(1, "old", FOLLOWS), master(2, "old", FOLLOWS)]);
    (all.pods[1].ready, all.pods[2].ready) = (false, false);
    waits_for(&all.plan().step, "a-master-1 is not ready");
    all.now = at(600);
    assert_eq!(replaced(&all.plan().step), ["a-master-2"]);
    all.pods[2].hash = Some("new".to_owned());
    all.pods[2].ready_changed = at(599);
    waits_for(&all.plan().step, "a-master-2 is not ready");
}

#[test]
fn a_pod_is_not_late_because_it_is_old() {
    let mut all = masters(vec![master(0, "new", LEADS), master(1, "new", FOLLOWS)]);
    (all.pods[1].ready, all.pods[1].ready_changed, all.now) = (false, at(864_000), at(864_010));
    waits_for(&all.plan().step, "a-master-1 is not ready");
    all.now = at(864_600);
    assert!(
        matches!(all.plan().step, Step::Unwell(failure) if failure.seen == "not ready for more than 600 s")
    );
}

#[test]
fn no_wait_is_for_ever() {
    let mut missing = masters(vec![master(0, "old", LEADS), master(1, "old", FOLLOWS)]);
    missing.count = 3;
    let mut silent = masters(vec![master(0, "new", LEADS), master(1, "new", Unknown)]);
    (missing.now, silent.now) = (at(609), at(609));
    let stopped = |all: &Masters, since| all.in_time(all.plan(), since);
    assert_eq!(stopped(&missing, None), missing.plan());
    assert_eq!(stopped(&missing, Some(at(10))), missing.plan());
    let Step::Stopped(failure) = stopped(&missing, Some(at(9))).step else { panic!("{:?}", missing.plan()) };
    assert_eq!(failure.seen, "2 of 3 masters exist, for more than 600 s");
    assert!(failure.hint.contains("kubectl describe statefulset"), "{failure:?}");
    let Step::Unwell(failure) = stopped(&silent, Some(at(9))).step else { panic!("{:?}", silent.plan()) };
    assert!(failure.seen.contains("a-master-1 does not answer"), "{failure:?}");
    assert!(failure.hint.contains("NetworkPolicy"), "{failure:?}");
    let settled = masters(vec![master(0, "new", LEADS)]);
    assert_eq!(stopped(&settled, Some(at(-9_000))), settled.plan());
}

#[test]
fn recreate_ends_all_before_it_starts_any() {
    let mut all =
        masters(vec![master(0, "old", LEADS), master(1, "old", FOLLOWS), master(2, "new", FOLLOWS)]);
    all.strategy = Strategy::Recreate;
    assert_eq!(all.plan(), MastersPlan { replicas: 0, step: Step::Recreate(3) });
    all.current_count = 0;
    (all.pods[0].terminating, all.pods[0].ready) = (true, false);
    all.pods.truncate(1);
    assert_eq!(all.plan(), MastersPlan { replicas: 0, step: Step::Recreate(1) }, "one still runs");
    all.now = at(600);
    let late = all.in_time(all.plan(), Some(at(0)));
    assert_eq!(late.replicas, 0);
    assert!(matches!(late.step, Step::Stopped(failure) if failure.seen.contains("1 are left")));
    all.pods.clear();
    assert_eq!(all.plan().replicas, 3);
    waits_for(&all.plan().step, "0 of 3 masters exist");
    // They do not get ready: that is told.
    all.pods = vec![master(0, "new", Unknown)];
    (all.pods[0].ready, all.pods[0].failing) = (false, Some("CrashLoopBackOff".to_owned()));
    assert!(matches!(all.plan().step, Step::Unwell(_)));
}

/// Else nobody could take over from the leader, though healthy standbys were there a moment ago.
#[test]
fn healthy_masters_stay_until_those_that_are_kept_are_ready() {
    let mut all = masters(vec![
        master(0, "new", LEADS),
        Master { ready: false, ..master(1, "new", Unknown) },
        master(2, "new", FOLLOWS),
        master(3, "new", FOLLOWS),
        master(4, "new", FOLLOWS),
    ]);
    all.count = 3;
    let plan = all.plan();
    assert_eq!(plan.replicas, 5);
    waits_for(&plan.step, "a-master-1 is not ready yet");
    all.now = at(600);
    assert_eq!(all.plan().replicas, 3, "not for ever");
    all.now = at(10);
    all.pods[1].failing = Some("CrashLoopBackOff".to_owned());
    assert_eq!(all.plan().replicas, 3);
    all.pods[1] = master(1, "new", FOLLOWS);
    assert_eq!(all.plan().replicas, 3);
}

#[test]
fn a_budget_that_does_not_let_go_is_waited_for_until_the_deadline() {
    let all = masters(vec![master(0, "new", LEADS), master(1, "old", FOLLOWS)]);
    let plan = all.plan();
    let told =
        |now| plan.refused("the budget b", at(0), Patience { now: at(now), progress_deadline: DEADLINE });
    waits_for(&told(599).step, "a-master-1 is to be replaced, and may not go: the budget b");
    let Step::Stopped(failure) = told(600).step else { panic!() };
    assert_eq!(
        failure.to_string(),
        "a-master-1: is to be replaced, and may not go, for more than 600 s: the budget b"
    );
    assert!(failure.hint.contains("kubectl get pdb"));
}
