use super::*;

const TIMEOUT: Duration = Duration::from_secs(300);

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn worker(name: &str, hash: &str) -> Worker {
    Worker {
        pod: format!("w-{name}"),
        node: name.to_owned(),
        hash: Some(hash.to_owned()),
        ready_changed: at(0),
        ends_by: None,
        ready: true,
        started: true,
        failing: None,
        wanted_here: true,
        cordoned: false,
        by_hand: false,
        silent_since: None,
        retry_at: None,
        taken_out: None,
        offered: Some(true),
        idle: Some(false),
        unpersisted: Some(1),
    }
}

fn group(workers: Vec<Worker>) -> WorkerGroup {
    WorkerGroup {
        hash: "new".to_owned(),
        desired: workers.len(),
        max_unavailable: 1,
        template_observed: true,
        missing_since: None,
        unseen_since: None,
        rolled: false,
        workers,
        strategy: Strategy::Rolling,
        now: at(10),
        progress_deadline: Duration::from_secs(600),
        decommission_timeout: TIMEOUT,
    }
}

#[test]
fn nothing_to_do() {
    assert_eq!(group(vec![worker("1", "new"), worker("2", "new")]).plan(), WorkersPlan::default());
}

#[test]
fn so_many_at_once_as_may_be_away() {
    let mut all = group(vec![worker("1", "old"), worker("2", "old"), worker("3", "old")]);
    assert_eq!(all.plan().replace, ["w-1"]);
    all.max_unavailable = 2;
    assert_eq!(all.plan().replace, ["w-1", "w-2"]);
    all.workers[2].ends_by = Some(at(40));
    assert_eq!(all.plan().replace, ["w-1"]);
    // The pod that ended did not come back yet.
    all.workers.pop();
    assert_eq!(all.plan().replace, ["w-1"]);
    all.desired = 4;
    assert!(all.plan().replace.is_empty() && all.plan().rolling);
    all.template_observed = false;
    assert!(all.plan().replace.is_empty() && all.plan().rolling);
}

#[test]
fn a_step_that_fails_stops_the_roll_and_reverting_heals_it() {
    let mut all = group(vec![worker("1", "new"), worker("2", "old"), worker("3", "old")]);
    all.workers[0].ready = false;
    assert!(all.plan().replace.is_empty() && all.plan().stopped.is_none());
    all.max_unavailable = 3;
    assert_eq!(all.plan().replace, ["w-2", "w-3"]);
    all.now = at(600);
    assert!(all.plan().replace.is_empty());
    assert_eq!(all.plan().stopped.unwrap().pod, "w-1");
    all.hash = "old".to_owned();
    assert_eq!((all.plan().replace, all.plan().stopped), (vec!["w-1".to_owned()], None));
}

#[test]
fn a_roll_is_over_when_the_last_ones_are_ready() {
    let mut all = group(vec![worker("1", "new"), worker("2", "new")]);
    all.workers[1].ready = false;
    assert!(!all.plan().rolling, "one that is away by itself is no roll");
    all.rolled = true;
    assert!(all.plan().rolling && all.plan().stopped.is_none());
    all.now = at(600);
    assert!(all.plan().rolling && all.plan().stopped.is_some(), "the last step failed");
    all.workers[1].cordoned = true;
    assert!(!all.plan().rolling);
    let gone = all.workers.pop();
    assert!(all.plan().rolling, "it did not come back yet");
    all.workers.extend(gone.map(|gone| Worker { ready: true, cordoned: false, ..gone }));
    assert!(!all.plan().rolling);
}

#[test]
fn what_is_never_made_is_a_failure() {
    let mut all = group(vec![worker("1", "new"), worker("2", "new")]);
    all.desired = 5;
    assert_eq!((all.plan().missing, all.plan().stopped), (Some((3, 5)), None));
    all.missing_since = Some(at(0));
    assert_eq!(all.plan().stopped, None);
    all.now = at(600);
    assert_eq!(all.plan().stopped.unwrap().to_string(), "workers: 3 of 5 do not exist, for more than 600 s");
    all.desired = 2;
    assert_eq!(all.plan(), WorkersPlan::default());
}

#[test]
fn a_set_that_never_makes_pods_as_they_shall_be_is_told_after_the_deadline() {
    let mut all = group(vec![worker("1", "old")]);
    (all.template_observed, all.unseen_since) = (false, Some(at(0)));
    assert_eq!((all.plan().rolling, all.plan().stopped), (true, None));
    all.now = at(600);
    let plan = all.plan();
    assert!(plan.stopped.unwrap().to_string().starts_with("workers: their set does not have the change"));
    assert_eq!(plan.replace, Vec::<String>::new());
    all.workers = vec![worker("1", "new")];
    assert_eq!(all.plan().stopped, None, "nothing is to be replaced");
}

#[test]
fn a_worker_that_somebody_took_out_is_left_alone_and_holds_up_nobody() {
    let mut all = group(vec![worker("1", "new"), worker("2", "old")]);
    (all.workers[0].by_hand, all.workers[0].ready) = (true, false);
    all.now = at(5000);
    let plan = all.plan();
    assert_eq!((plan.replace, plan.stopped), (vec!["w-2".to_owned()], None));
    assert_eq!(plan.by_hand, ["w-1"]);
    all.workers[0].hash = Some("old".to_owned());
    assert_eq!(all.plan().replace, ["w-2"], "a new process would serve again");
    all.workers[1] = worker("2", "new");
    assert!(!all.plan().rolling);
    all.workers[0] = worker("1", "old");
    assert_eq!(all.plan().replace, ["w-1"], "it serves again");
}

#[test]
fn a_worker_that_does_not_answer_may_be_one_that_somebody_took_out() {
    let mut all = group(vec![worker("1", "old"), worker("2", "old")]);
    (all.workers[0].ready, all.workers[0].silent_since) = (false, Some(at(100)));
    all.now = at(699);
    for strategy in [Strategy::Rolling, Strategy::Recreate] {
        all.strategy = strategy;
        assert_eq!(all.plan().replace, ["w-2"], "it holds up nobody");
    }
    all.strategy = Strategy::Rolling;
    all.workers[1] = worker("2", "new");
    assert!(all.plan().rolling && all.plan().replace.is_empty());
    all.workers[0].failing = Some("c: CrashLoopBackOff".to_owned());
    assert_eq!(all.plan().replace, ["w-1"], "no worker runs in it");
    all.workers[0].failing = None;
    all.now = at(700);
    assert_eq!(all.plan().replace, ["w-1"], "it was asked for long enough");
}

#[test]
fn a_worker_that_leaves_holds_up_nobody() {
    let mut all = group(vec![worker("1", "new"), worker("2", "old")]);
    (all.workers[0].wanted_here, all.workers[0].ready) = (false, false);
    assert_eq!(all.plan().replace, ["w-2"]);
}

/// Their nodes are cut off from the API server, or their master was started anew: they serve, and have their blocks.
#[test]
fn outdated_workers_that_are_not_ready_are_not_replaced_all_at_once() {
    let names = ["1", "2", "3", "4", "5"];
    let mut all = group(names.map(|name| worker(name, "old")).into());
    all.now = at(5000);
    for away in [0, 2, 3] {
        all.workers[away].ready = false;
    }
    assert_eq!(all.plan().replace, ["w-1"], "those away first: it makes no more of them");
    all.max_unavailable = 4;
    assert_eq!(all.plan().replace, ["w-1", "w-3", "w-4", "w-2"], "each takes its place");
    all.max_unavailable = 1;
    all.workers[0].ends_by = Some(at(5040));
    assert!(all.plan().replace.is_empty(), "one is away by our hand");
    all.workers[0] = worker("1", "new");
    assert_eq!(all.plan().replace, ["w-3"]);
    // In these no worker runs.
    all.workers[0].ready = false;
    all.workers[2].failing = Some("c: CrashLoopBackOff".to_owned());
    all.workers[3].started = false;
    assert_eq!(all.plan().replace, ["w-3", "w-4"]);
    all.strategy = Strategy::Recreate;
    assert_eq!(all.plan().replace.len(), 4);
}

/// Its node lost power: the eviction is granted, and the pod stays.
#[test]
fn a_worker_that_does_not_end_is_told_and_holds_up_nobody() {
    let mut all = group(vec![worker("1", "old"), worker("2", "old"), worker("3", "new")]);
    all.rolled = true;
    (all.workers[0].ready, all.workers[0].ends_by) = (false, Some(at(40)));
    all.now = at(639);
    assert_eq!((all.plan().replace, all.plan().stuck), (vec![], None));
    all.now = at(640);
    let plan = all.plan();
    assert_eq!((plan.replace, plan.stopped), (vec!["w-2".to_owned()], None), "the roll goes on");
    let told = "w-1: does not end on the node 1, for more than 600 s";
    assert_eq!(plan.stuck.unwrap().to_string(), told);
    all.workers[1] = worker("2", "new");
    let plan = all.plan();
    assert!(plan.rolling && plan.replace.is_empty());
    assert_eq!(plan.stopped.unwrap().to_string(), told, "nothing else is left to be done");
    all.workers[0].cordoned = true;
    assert_eq!(all.plan(), WorkersPlan::default(), "somebody knows of the node");
    all.workers[0].cordoned = false;
    all.rolled = false;
    let plan = all.plan();
    assert!(!plan.rolling && plan.stopped.is_some(), "without a roll it is told, too");
}

#[test]
fn a_node_that_leaves_keeps_its_worker_until_it_is_idle_and_all_is_persisted() {
    let mut all = group(vec![worker("1", "new"), worker("2", "new")]);
    all.workers[1].wanted_here = false;
    let plan = all.plan();
    assert_eq!((plan.take_out, plan.leaving_nodes), (vec!["w-2".to_owned()], ["2".to_owned()].into()));
    all.workers[1].taken_out = Some(at(10));
    // The leader has not followed, or is another one.
    assert_eq!(all.plan().take_out, ["w-2"]);
    all.workers[1].offered = Some(false);
    let plan = all.plan();
    assert_eq!((plan.take_out.len(), plan.leaving_nodes.len()), (0, 1));
    all.workers[1].idle = None;
    assert_eq!(all.plan().leaving_nodes.len(), 1, "no answer is not idle");
    all.workers[1].idle = Some(true);
    assert_eq!(all.plan().leaving_nodes.len(), 1, "a file is only there");
    all.workers[1].unpersisted = None;
    assert_eq!(all.plan().leaving_nodes.len(), 1, "it does not say");
    all.workers[1].unpersisted = Some(0);
    assert!(all.plan().leaving_nodes.is_empty());
    all.workers[1].offered = None;
    assert_eq!(all.plan().leaving_nodes.len(), 1, "whether it is out is not known");
    all.now = at(310);
    assert!(all.plan().leaving_nodes.is_empty(), "longer than the time limit nobody waits");
}

#[test]
fn a_leaving_worker_is_not_rolled() {
    let mut all = group(vec![worker("1", "new"), worker("2", "old")]);
    all.workers[1].wanted_here = false;
    assert!(all.plan().replace.is_empty() && !all.plan().rolling);
}

#[test]
fn what_never_ran_need_not_be_waited_for() {
    let mut all = group(vec![worker("1", "new")]);
    (all.workers[0].started, all.workers[0].offered, all.workers[0].idle) = (false, None, None);
    all.workers[0].wanted_here = false;
    assert_eq!(all.plan(), WorkersPlan::default());
    all.workers[0].started = true;
    assert_eq!((all.plan().take_out.len(), all.plan().leaving_nodes.len()), (1, 1));
}

#[test]
fn cordon_and_uncordon() {
    let mut all = group(vec![worker("1", "new"), worker("2", "old")]);
    all.workers[0].cordoned = true;
    let plan = all.plan();
    assert_eq!((plan.take_out, plan.leaving_nodes.len()), (vec!["w-1".to_owned()], 0));
    assert!(!plan.cordoned.is_empty(), "it is looked at again");
    all.workers[0].taken_out = Some(at(5));
    (all.workers[0].offered, all.workers[0].ready) = (Some(false), false);
    all.now = at(5000);
    let plan = all.plan();
    assert_eq!((plan.take_out.len(), plan.stopped), (0, None), "a cordoned worker is no failure");
    assert_eq!(plan.replace, ["w-2"], "and does not use up what may be away");
    all.workers[0].cordoned = false;
    assert_eq!(all.plan().put_back, ["w-1"]);
}

#[test]
fn a_node_that_returns_is_put_back() {
    let mut all = group(vec![worker("1", "new")]);
    all.workers[0].taken_out = Some(at(5));
    assert_eq!(all.plan().put_back, ["w-1"]);
    all.workers[0].ends_by = Some(at(40));
    assert!(all.plan().put_back.is_empty());
}

#[test]
fn recreate_takes_all() {
    let mut all = group(vec![worker("1", "old"), worker("2", "old"), worker("3", "new")]);
    all.strategy = Strategy::Recreate;
    assert_eq!(all.plan().replace, ["w-1", "w-2"]);
}

#[test]
fn one_that_a_budget_holds_gives_its_place_to_the_next() {
    let mut all = group(vec![worker("1", "old"), worker("2", "old"), worker("3", "old")]);
    let mut refused = |held: [Option<i64>; 3]| {
        for (worker, second) in all.workers.iter_mut().zip(held) {
            worker.retry_at = second.map(at);
        }
        let plan = all.plan();
        (plan.replace, plan.held.len())
    };
    let pods = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    assert_eq!(refused([Some(11), None, None]), (pods(&["w-2"]), 1));
    assert_eq!(refused([Some(9), None, None]), (pods(&["w-2"]), 1), "those that are free first");
    assert_eq!(refused([Some(11), Some(9), Some(8)]), (pods(&["w-3"]), 3), "each has its turn");
    assert_eq!(refused([Some(11), Some(12), Some(13)]), (vec![], 3));
    // One that is away all the same has a place.
    all.workers[0].ready = false;
    all.workers[1].retry_at = None;
    assert_eq!(all.plan().replace, pods(&[]));
    all.max_unavailable = 2;
    assert_eq!(all.plan().replace, pods(&["w-2"]));
}

#[test]
fn a_roll_of_which_one_is_held_has_failed_when_no_other_goes() {
    let mut all = group(vec![worker("1", "old"), worker("2", "old")]);
    all.workers[0].retry_at = Some(at(11));
    let told = |all: &WorkerGroup| {
        let mut plan = all.plan();
        plan.refuse(
            "w-1",
            "no",
            at(0),
            Patience { now: at(600), progress_deadline: Duration::from_secs(600) },
        );
        assert_eq!(plan.refused.as_deref(), Some("w-1 may not go: no"));
        plan.stopped.is_some()
    };
    assert!(told(&all));
    all.workers[1].ends_by = Some(at(40));
    assert!(!told(&all), "the other one goes");
    all.workers[1] = Worker { ready: false, ready_changed: at(9), ..worker("2", "new") };
    assert!(!told(&all), "the other one comes");
    all.workers.pop();
    assert!(!told(&all), "the other one is made");
}
