//! What to do with what lies in the journal's folder. A folder that had a journal is never formatted, and a journal of others is
//! never touched, unless a person named it.

use std::fmt;

use alluxio_journal::{Marker, Owner};
use uuid::Uuid;

/// Who claims a journal, and what is known of it.
#[derive(Clone, Debug)]
pub struct Claim {
    pub owner: Owner,
    /// The cluster that the owner had before.
    pub known: Option<Uuid>,
    /// The cluster that a person wants to be taken over.
    pub adopt: Option<Uuid>,
}

/// What lies there.
#[derive(Clone, Debug)]
pub enum Seen {
    Nothing,
    Journal(Marker),
    /// What a deletion has left that was cut short.
    HalfDeleted(Marker),
    Java(String),
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    Format,
    /// It is the owner's already.
    Leave(Uuid),
    /// It becomes the owner's.
    HandOver(Uuid),
}

/// Why nothing is done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refused {
    /// There was a journal, and it is gone.
    Missing,
    /// A person named a journal, and there is none.
    NothingToAdopt(Uuid),
    Foreign {
        cluster: Option<Uuid>,
        whose: String,
    },
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => f.write_str(
                "there was a journal, and there is none now: bring the folder back, or restore a backup into a new cluster",
            ),
            Self::NothingToAdopt(id) => write!(
                f,
                "there is no journal, and that of cluster {id} was to be taken over: look whether this is the right folder, and \
                 whether it is mounted; for an empty journal name no id",
            ),
            Self::Foreign { cluster: Some(id), whose } => {
                write!(f, "there is the journal of cluster {id}, {whose}: choose another folder, or name that id to adopt it")
            }
            Self::Foreign { cluster: None, whose } => write!(f, "there is {whose}: choose another folder"),
        }
    }
}

pub fn decide(seen: &Seen, claim: &Claim) -> Result<Act, Refused> {
    let is_same_name =
        |marker: &Marker| marker.owner.as_ref().is_some_and(|owner| owner.name == claim.owner.name);
    let marker = match seen {
        Seen::HalfDeleted(marker) if !is_same_name(marker) => {
            let whose = format!("{}; its deletion was cut short, let its owner finish it", of_whom(marker));
            return Err(Refused::Foreign {
                cluster: None,
                whose: format!("what is left of a journal {whose}"),
            });
        }
        Seen::Nothing | Seen::HalfDeleted(_) => {
            return match (claim.known, claim.adopt) {
                (Some(_), _) => Err(Refused::Missing),
                (None, Some(id)) => Err(Refused::NothingToAdopt(id)),
                (None, None) => Ok(Act::Format),
            };
        }
        Seen::Java(found) => {
            let whose = format!("the journal of a Java master ({found})");
            return Err(Refused::Foreign { cluster: None, whose });
        }
        Seen::Journal(marker) => marker,
    };
    let is_ours = match claim.known {
        Some(known) => known == marker.cluster,
        None => is_same_name(marker),
    };
    if !is_ours && claim.adopt != Some(marker.cluster) {
        return Err(Refused::Foreign { cluster: Some(marker.cluster), whose: of_whom(marker) });
    }
    if marker.owner.as_ref() == Some(&claim.owner) {
        return Ok(Act::Leave(marker.cluster));
    }
    Ok(Act::HandOver(marker.cluster))
}

fn of_whom(marker: &Marker) -> String {
    marker.owner.as_ref().map_or("of no owner".to_owned(), |owner| format!("of {}", owner.name))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: Uuid = Uuid::from_u128(1);
    const OTHER: Uuid = Uuid::from_u128(2);

    fn owner(name: &str, uid: &str) -> Owner {
        Owner::new(name, uid).unwrap()
    }

    fn journal(owner: Option<Owner>) -> Seen {
        Seen::Journal(Marker { cluster: ID, owner })
    }

    fn claim(known: Option<Uuid>, adopt: Option<Uuid>) -> Claim {
        Claim { owner: owner("ns/a", "2"), known, adopt }
    }

    #[test]
    fn a_folder_is_formatted_once() {
        assert_eq!(decide(&Seen::Nothing, &claim(None, None)), Ok(Act::Format));
        assert_eq!(decide(&Seen::Nothing, &claim(Some(ID), None)), Err(Refused::Missing));
        // Whoever names a journal wants that one: a wrong folder, or a volume that is not mounted, must not become an empty cluster.
        assert_eq!(decide(&Seen::Nothing, &claim(None, Some(ID))), Err(Refused::NothingToAdopt(ID)));
    }

    #[test]
    fn what_a_deletion_has_left_is_its_owners() {
        let left = |name: &str| Seen::HalfDeleted(Marker { cluster: ID, owner: Some(owner(name, "1")) });
        assert_eq!(decide(&left("ns/a"), &claim(None, None)), Ok(Act::Format));
        assert_eq!(decide(&left("ns/a"), &claim(Some(ID), None)), Err(Refused::Missing));
        assert_eq!(decide(&left("ns/a"), &claim(None, Some(ID))), Err(Refused::NothingToAdopt(ID)));
        let refused = decide(&left("ns/b"), &claim(None, None)).unwrap_err();
        assert!(refused.to_string().contains("of ns/b; its deletion was cut short"), "{refused}");
    }

    #[test]
    fn a_later_object_of_the_same_name_takes_it_up_again() {
        let seen = journal(Some(owner("ns/a", "1")));
        assert_eq!(decide(&seen, &claim(None, None)), Ok(Act::HandOver(ID)));
        let seen = journal(Some(owner("ns/a", "2")));
        assert_eq!(decide(&seen, &claim(None, None)), Ok(Act::Leave(ID)));
        assert_eq!(decide(&seen, &claim(Some(ID), None)), Ok(Act::Leave(ID)));
    }

    #[test]
    fn a_journal_of_others_is_left_alone_unless_it_is_named() {
        for seen in [journal(Some(owner("ns/b", "1"))), journal(None)] {
            let refused = decide(&seen, &claim(None, None)).unwrap_err();
            assert!(refused.to_string().contains(&ID.to_string()), "{refused}");
            assert!(decide(&seen, &claim(None, Some(OTHER))).is_err());
            assert_eq!(decide(&seen, &claim(None, Some(ID))), Ok(Act::HandOver(ID)));
        }
    }

    #[test]
    fn another_journal_than_the_known_one_is_foreign_whatever_its_name() {
        let seen = journal(Some(owner("ns/a", "2")));
        assert!(matches!(
            decide(&seen, &claim(Some(OTHER), None)),
            Err(Refused::Foreign { cluster: Some(ID), .. })
        ));
    }

    #[test]
    fn a_java_masters_journal_is_never_touched() {
        let seen = Seen::Java("raft".to_owned());
        let refused = decide(&seen, &claim(None, Some(ID))).unwrap_err();
        assert!(refused.to_string().contains("a Java master (raft)"), "{refused}");
    }
}
