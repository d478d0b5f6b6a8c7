//! Claims by the paths they are about. Every claim stands at its path and is counted at every path above, so
//! whether another one meets it is told by the nodes along its own path, however many claims there are.

use std::collections::BTreeMap;

use alluxio_fs::AlluxioPath;

use super::{Claim, Scope};

/// Whose claim it is.
pub(super) type Owner = u64;

#[derive(Default)]
pub(super) struct ClaimIndex {
    /// By path; only those with something in them.
    nodes: BTreeMap<Box<str>, Node>,
}

#[derive(Default)]
struct Node {
    edges: Owners,
    subtrees: Owners,
    below: Owners,
}

/// How many claims each owner has: one may name a path twice.
#[derive(Default)]
struct Owners(BTreeMap<Owner, u32>);

/// Who counts.
#[derive(Clone, Copy)]
pub(super) enum Among {
    All,
    AllBut(Owner),
    Before(Owner),
}

impl ClaimIndex {
    #[cfg(test)]
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    pub fn add(&mut self, owner: Owner, claim: &Claim) {
        for above in above(&claim.path) {
            self.node(above).below.add(owner);
        }
        self.node(claim.path.as_str()).at(claim.scope).add(owner);
    }

    /// Takes back what was added.
    pub fn remove(&mut self, owner: Owner, claim: &Claim) {
        for above in above(&claim.path) {
            self.change(above, |node| node.below.remove(owner));
        }
        self.change(claim.path.as_str(), |node| node.at(claim.scope).remove(owner));
    }

    /// Somebody among those who count whose claim meets this one.
    pub fn met(&self, path: &AlluxioPath, scope: Scope, among: Among) -> Option<Owner> {
        for above in above(path) {
            // Where nothing is at or below, nothing is further down either.
            let owner = self.nodes.get(above)?.subtrees.one(among);
            if owner.is_some() {
                return owner;
            }
        }
        let node = self.nodes.get(path.as_str())?;
        let here = node.edges.one(among).or_else(|| node.subtrees.one(among));
        here.or_else(|| if scope == Scope::Subtree { node.below.one(among) } else { None })
    }

    fn node(&mut self, path: &str) -> &mut Node {
        self.nodes.entry(path.into()).or_default()
    }

    fn change(&mut self, path: &str, change: impl FnOnce(&mut Node)) {
        let Some(node) = self.nodes.get_mut(path) else { return };
        change(node);
        if node.edges.0.is_empty() && node.subtrees.0.is_empty() && node.below.0.is_empty() {
            self.nodes.remove(path);
        }
    }
}

impl Node {
    fn at(&mut self, scope: Scope) -> &mut Owners {
        match scope {
            Scope::Edge => &mut self.edges,
            Scope::Subtree => &mut self.subtrees,
        }
    }
}

impl Owners {
    fn add(&mut self, owner: Owner) {
        *self.0.entry(owner).or_default() += 1;
    }

    fn remove(&mut self, owner: Owner) {
        if let Some(count) = self.0.get_mut(&owner) {
            *count -= 1;
            if *count == 0 {
                self.0.remove(&owner);
            }
        }
    }

    fn one(&self, among: Among) -> Option<Owner> {
        let mut owners = self.0.keys().copied();
        match among {
            Among::All => owners.next(),
            Among::AllBut(owner) => owners.find(|other| *other != owner),
            Among::Before(owner) => owners.next().filter(|first| *first < owner),
        }
    }
}

/// The paths above one, from the root down.
fn above(path: &AlluxioPath) -> impl Iterator<Item = &str> {
    let text = path.as_str();
    let root = (!path.is_root()).then_some("/");
    root.into_iter().chain(text.match_indices('/').skip(1).map(|(at, _)| &text[..at]))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn claim() -> impl Strategy<Value = Claim> {
        // Few names and small depths, and one that begins as another, so that claims meet often.
        let name = prop::sample::select(vec!["a", "ab", "b"]);
        (prop::collection::vec(name, 0..5), any::<bool>()).prop_map(|(names, subtree)| {
            let path = AlluxioPath::parse(&format!("/{}", names.join("/"))).unwrap();
            if subtree { Claim::subtree(&path) } else { Claim::edge(&path) }
        })
    }

    #[derive(Clone, Debug)]
    enum Op {
        Add(Owner, Vec<Claim>),
        Remove(prop::sample::Index),
        Ask(Claim, Owner),
    }

    fn op() -> impl Strategy<Value = Op> {
        prop_oneof![
            (0..9u64, prop::collection::vec(claim(), 1..4))
                .prop_map(|(owner, claims)| Op::Add(owner, claims)),
            any::<prop::sample::Index>().prop_map(Op::Remove),
            (claim(), 0..9u64).prop_map(|(claim, owner)| Op::Ask(claim, owner)),
        ]
    }

    /// Processor time, so that a busy machine changes nothing. One by one these would be 400 million looks.
    #[test]
    fn many_claims_cost_no_more_than_few() {
        use nix::time::{ClockId, clock_gettime};
        let cpu = || std::time::Duration::from(clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).unwrap());
        let claims: Vec<Claim> = (0..20_000)
            .map(|n| AlluxioPath::parse(&format!("/d{}/e/f{n}", n % 50)).unwrap())
            .map(|path| Claim::edge(&path))
            .collect();
        let mut index = ClaimIndex::default();
        let began = cpu();
        for (owner, claim) in (0..).zip(&claims) {
            assert_eq!(index.met(&claim.path, claim.scope, Among::All), None);
            index.add(owner, claim);
            assert_eq!(index.met(&claim.path, claim.scope, Among::AllBut(owner)), None);
        }
        let all = AlluxioPath::parse("/d7").unwrap();
        assert!(index.met(&all, Scope::Subtree, Among::All).is_some());
        assert!(index.met(&all, Scope::Edge, Among::All).is_none());
        for (owner, claim) in (0..).zip(&claims) {
            index.remove(owner, claim);
        }
        let took = cpu() - began;
        assert!(took.as_secs() < 3, "{took:?}");
    }

    proptest! {
        /// Against a look at every claim.
        #[test]
        fn answers_as_a_list_of_claims(ops in prop::collection::vec(op(), 0..80)) {
            let mut index = ClaimIndex::default();
            let mut list: Vec<(Owner, Vec<Claim>)> = Vec::new();
            for op in ops {
                match op {
                    Op::Add(owner, claims) => {
                        claims.iter().for_each(|claim| index.add(owner, claim));
                        list.push((owner, claims));
                    }
                    Op::Remove(at) if !list.is_empty() => {
                        let (owner, claims) = list.swap_remove(at.index(list.len()));
                        claims.iter().for_each(|claim| index.remove(owner, claim));
                    }
                    Op::Remove(_) => {}
                    Op::Ask(claim, owner) => {
                        let meets = |claims: &[Claim]| claims.iter().any(|other| claim.conflicts(other));
                        let right = |among, counts: &dyn Fn(Owner) -> bool| {
                            let mut all = list.iter().filter(|(other, claims)| counts(*other) && meets(claims));
                            match index.met(&claim.path, claim.scope, among) {
                                Some(found) => all.any(|(other, _)| *other == found),
                                None => all.next().is_none(),
                            }
                        };
                        prop_assert!(right(Among::All, &|_| true));
                        prop_assert!(right(Among::AllBut(owner), &|other| other != owner));
                        prop_assert!(right(Among::Before(owner), &|other| other < owner));
                    }
                }
            }
            for (owner, claims) in list {
                claims.iter().for_each(|claim| index.remove(owner, claim));
            }
            prop_assert!(index.is_empty(), "nothing is left behind");
        }
    }
}
