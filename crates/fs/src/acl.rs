//! Access control lists after POSIX 1003.1e draft 17, as Alluxio 2.9 uses them: nine bits for owner,
//! owning group and others, and for few inodes named users, named groups and a mask beside them.
//! The owner's and the group's names live with the inode, not here.

use std::{collections::BTreeMap, fmt};

use crate::{Bits, FsError, Mode};

pub type AclActions = Bits;

#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum AclEntryKind {
    Owner,
    NamedUser(String),
    OwningGroup,
    NamedGroup(String),
    Mask,
    Other,
}

/// One line of `getfacl`: `user:alice:r-x`, `default:mask::rwx`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct AclEntry {
    pub kind: AclEntryKind,
    pub actions: AclActions,
    pub is_default: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Default, Hash)]
pub struct AccessControlList {
    pub mode: Mode,
    /// Rare: kept apart so that an inode without them pays nothing.
    pub extended: Option<Box<ExtendedAcl>>,
}

#[derive(Clone, Debug, PartialEq, Eq, Default, Hash)]
pub struct ExtendedAcl {
    pub users: BTreeMap<String, AclActions>,
    pub groups: BTreeMap<String, AclActions>,
    /// Bounds named users, named groups and the owning group.
    pub mask: AclActions,
}

/// Who asks, as the owner and group of the inode see them.
pub struct Accessor<'a> {
    pub user: &'a str,
    pub groups: &'a [String],
}

impl AccessControlList {
    pub fn new(mode: Mode) -> Self {
        Self { mode, extended: None }
    }

    pub fn has_extended(&self) -> bool {
        self.extended.is_some()
    }

    /// What `who` may do, the first matching class decides: owner, named user, groups, others.
    pub fn permitted(&self, who: &Accessor<'_>, owner: &str, group: &str) -> AclActions {
        if who.user == owner {
            return self.mode.owner();
        }
        let Some(extended) = &self.extended else {
            let in_group = who.groups.iter().any(|g| g == group);
            return if in_group { self.mode.group() } else { self.mode.other() };
        };
        if let Some(actions) = extended.users.get(who.user) {
            return actions.intersection(extended.mask);
        }
        let mut known = None;
        for name in who.groups {
            let actions = if name == group { Some(self.mode.group()) } else { None };
            for actions in actions.into_iter().chain(extended.groups.get(name).copied()) {
                known = Some(known.unwrap_or(Bits::NONE).union(actions));
            }
        }
        known.map_or(self.mode.other(), |actions: Bits| actions.intersection(extended.mask))
    }

    /// Sets one entry. Without an explicit mask the caller runs [`Self::recompute_mask`] afterwards.
    pub fn set(&mut self, kind: &AclEntryKind, actions: AclActions) {
        let mode = self.mode;
        match kind {
            AclEntryKind::Owner => self.mode = Mode::from_bits(actions, mode.group(), mode.other()),
            AclEntryKind::OwningGroup => self.mode = Mode::from_bits(mode.owner(), actions, mode.other()),
            AclEntryKind::Other => self.mode = Mode::from_bits(mode.owner(), mode.group(), actions),
            AclEntryKind::NamedUser(name) => {
                self.extended_mut().users.insert(name.clone(), actions);
            }
            AclEntryKind::NamedGroup(name) => {
                self.extended_mut().groups.insert(name.clone(), actions);
            }
            AclEntryKind::Mask => self.extended_mut().mask = actions,
        }
    }

    /// Removes a named entry; the base entries can only be changed. The mask goes with the last
    /// named entry.
    pub fn remove(&mut self, kind: &AclEntryKind) -> Result<(), FsError> {
        let Some(extended) = &mut self.extended else { return Ok(()) };
        match kind {
            AclEntryKind::NamedUser(name) => drop(extended.users.remove(name)),
            AclEntryKind::NamedGroup(name) => drop(extended.groups.remove(name)),
            AclEntryKind::Mask if extended.users.is_empty() && extended.groups.is_empty() => {}
            AclEntryKind::Mask => {
                return Err(FsError::invalid_argument(
                    "Deleting the mask is not allowed while there are named users or groups; remove those first.",
                ));
            }
            AclEntryKind::Owner | AclEntryKind::OwningGroup | AclEntryKind::Other => {
                return Err(FsError::invalid_argument(
                    "Deleting the entries of owner, owning group or others is not allowed; set them instead.",
                ));
            }
        }
        if extended.users.is_empty() && extended.groups.is_empty() {
            self.extended = None;
        }
        Ok(())
    }

    pub fn remove_extended(&mut self) {
        self.extended = None;
    }

    /// A mask with nothing named to bound says nothing: as in the original, such a list is a plain one.
    pub fn drop_lone_mask(&mut self) {
        self.extended.take_if(|extended| extended.users.is_empty() && extended.groups.is_empty());
    }

    /// The mask becomes the union of all it bounds, as `setfacl` does without an explicit mask.
    pub fn recompute_mask(&mut self) {
        let group = self.mode.group();
        if let Some(extended) = &mut self.extended {
            let named = extended.users.values().chain(extended.groups.values());
            extended.mask = named.fold(group, |mask, actions| mask.union(*actions));
        }
    }

    fn extended_mut(&mut self) -> &mut ExtendedAcl {
        let mask = self.mode.group();
        self.extended.get_or_insert_with(|| Box::new(ExtendedAcl { mask, ..ExtendedAcl::default() }))
    }

    /// What a new child gets from its parent's default list: the list, bounded by the mode the
    /// creator asked for. The umask plays no part then.
    pub fn inherited(&self, requested: Mode) -> Self {
        let mut child = self.clone();
        let group = match &mut child.extended {
            Some(extended) => {
                extended.mask = extended.mask.intersection(requested.group());
                self.mode.group()
            }
            None => self.mode.group().intersection(requested.group()),
        };
        child.mode = Mode::from_bits(
            self.mode.owner().intersection(requested.owner()),
            group,
            self.mode.other().intersection(requested.other()),
        );
        child
    }

    /// All entries in the order `getfacl` prints them.
    pub fn entries(&self, is_default: bool) -> Vec<AclEntry> {
        let entry = |kind, actions| AclEntry { kind, actions, is_default };
        let mut all = vec![entry(AclEntryKind::Owner, self.mode.owner())];
        if let Some(extended) = &self.extended {
            all.extend(extended.users.iter().map(|(n, a)| entry(AclEntryKind::NamedUser(n.clone()), *a)));
        }
        all.push(entry(AclEntryKind::OwningGroup, self.mode.group()));
        if let Some(extended) = &self.extended {
            all.extend(extended.groups.iter().map(|(n, a)| entry(AclEntryKind::NamedGroup(n.clone()), *a)));
            all.push(entry(AclEntryKind::Mask, extended.mask));
        }
        all.push(entry(AclEntryKind::Other, self.mode.other()));
        all
    }
}

impl fmt::Display for AclEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_default {
            f.write_str("default:")?;
        }
        let (class, name) = match &self.kind {
            AclEntryKind::Owner => ("user", ""),
            AclEntryKind::NamedUser(name) => ("user", name.as_str()),
            AclEntryKind::OwningGroup => ("group", ""),
            AclEntryKind::NamedGroup(name) => ("group", name.as_str()),
            AclEntryKind::Mask => ("mask", ""),
            AclEntryKind::Other => ("other", ""),
        };
        write!(f, "{class}:{name}:{}", self.actions)
    }
}

impl AclEntry {
    /// Reads one entry as `setfacl` takes it. For removals (`setfacl -x`) the actions may be missing.
    pub fn parse(text: &str, actions_required: bool) -> Result<Self, FsError> {
        let invalid = || {
            FsError::invalid_argument(format!(
                "Invalid ACL entry \"{text}\": write [default:]user|group|mask|other:[name]:rwx, with - for what is not granted."
            ))
        };
        let (is_default, rest) = match text.strip_prefix("default:") {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let mut parts = rest.split(':');
        let (class, name) = (parts.next().ok_or_else(invalid)?, parts.next().ok_or_else(invalid)?);
        let actions = match parts.next() {
            Some(actions) => parse_actions(actions).ok_or_else(invalid)?,
            None if actions_required => return Err(invalid()),
            None => Bits::NONE,
        };
        if parts.next().is_some() {
            return Err(invalid());
        }
        let kind = match (class, name) {
            ("user", "") => AclEntryKind::Owner,
            ("user", name) => AclEntryKind::NamedUser(name.to_owned()),
            ("group", "") => AclEntryKind::OwningGroup,
            ("group", name) => AclEntryKind::NamedGroup(name.to_owned()),
            ("mask", "") => AclEntryKind::Mask,
            ("other", "") => AclEntryKind::Other,
            _ => return Err(invalid()),
        };
        Ok(Self { kind, actions, is_default })
    }
}

fn parse_actions(text: &str) -> Option<AclActions> {
    let bytes: &[u8; 3] = text.as_bytes().try_into().ok()?;
    let mut bits = 0;
    for (byte, (letter, bit)) in bytes.iter().zip([(b'r', 4), (b'w', 2), (b'x', 1)]) {
        match *byte {
            b'-' => {}
            b if b == letter => bits |= bit,
            _ => return None,
        }
    }
    Some(Bits::new(bits))
}

#[cfg(test)]
#[path = "acl_tests.rs"]
mod tests;
