//! Access control lists on the wire (`PAcl`) and as journal, backup and data protocol store them
//! (`alluxio.proto.shared`).

use alluxio_proto::{
    grpc::file::{PAcl, PAclAction, PAclEntry, PAclEntryType},
    shared,
};

use crate::{AccessControlList, AclActions, AclEntry, AclEntryKind, Bits, FsError, Mode};

/// Stored lists name the owner's and the owning group's actions with this key.
const OWNING: &str = "";

/// Both action enums count READ, WRITE, EXECUTE from 0.
fn actions_to_wire(actions: AclActions) -> Vec<i32> {
    [Bits::READ, Bits::WRITE, Bits::EXECUTE]
        .iter()
        .zip(0..)
        .filter(|(bit, _)| actions.implies(**bit))
        .map(|(_, number)| number)
        .collect()
}

fn actions_from_wire(actions: &[i32]) -> AclActions {
    actions.iter().fold(Bits::NONE, |all, action| {
        all.union(match PAclAction::try_from(*action) {
            Ok(PAclAction::Read) => Bits::READ,
            Ok(PAclAction::Write) => Bits::WRITE,
            Ok(PAclAction::Execute) => Bits::EXECUTE,
            Err(_) => Bits::NONE,
        })
    })
}

impl AclEntry {
    pub fn to_wire(&self) -> PAclEntry {
        let (kind, subject) = match &self.kind {
            AclEntryKind::Owner => (PAclEntryType::Owner, ""),
            AclEntryKind::NamedUser(name) => (PAclEntryType::NamedUser, name.as_str()),
            AclEntryKind::OwningGroup => (PAclEntryType::OwningGroup, ""),
            AclEntryKind::NamedGroup(name) => (PAclEntryType::NamedGroup, name.as_str()),
            AclEntryKind::Mask => (PAclEntryType::Mask, ""),
            AclEntryKind::Other => (PAclEntryType::Other, ""),
        };
        PAclEntry {
            r#type: Some(kind as i32),
            subject: Some(subject.to_owned()),
            actions: actions_to_wire(self.actions),
            is_default: Some(self.is_default),
        }
    }

    pub fn from_wire(entry: &PAclEntry) -> Result<Self, FsError> {
        let named = |kind: fn(String) -> AclEntryKind| match entry.subject() {
            "" => Err(FsError::invalid_argument("An ACL entry for a named user or group has no name.")),
            name => Ok(kind(name.to_owned())),
        };
        let kind = match entry.r#type() {
            PAclEntryType::Owner => AclEntryKind::Owner,
            PAclEntryType::NamedUser => named(AclEntryKind::NamedUser)?,
            PAclEntryType::OwningGroup => AclEntryKind::OwningGroup,
            PAclEntryType::NamedGroup => named(AclEntryKind::NamedGroup)?,
            PAclEntryType::Mask => AclEntryKind::Mask,
            PAclEntryType::Other => AclEntryKind::Other,
        };
        Ok(Self { kind, actions: actions_from_wire(&entry.actions), is_default: entry.is_default() })
    }
}

impl AccessControlList {
    /// The form in a `FileInfo`: base entries as mode, only extended entries listed.
    pub fn to_wire(&self, owner: &str, group: &str) -> PAcl {
        let extended = |entry: &AclEntry| {
            matches!(
                entry.kind,
                AclEntryKind::NamedUser(_) | AclEntryKind::NamedGroup(_) | AclEntryKind::Mask
            )
        };
        PAcl {
            owner: Some(owner.to_owned()),
            owning_group: Some(group.to_owned()),
            entries: self.entries(false).iter().filter(|e| extended(e)).map(AclEntry::to_wire).collect(),
            mode: Some(i32::from(self.mode.get())),
            is_default: Some(false),
            is_default_empty: None,
        }
    }

    /// A directory's default list. Java clients cast by `isDefault`, so it is there even when empty.
    pub fn default_to_wire(default: Option<&Self>, owner: &str, group: &str) -> PAcl {
        let empty = Self::default();
        let mut wire = default.unwrap_or(&empty).to_wire(owner, group);
        for entry in &mut wire.entries {
            entry.is_default = Some(true);
        }
        wire.is_default = Some(true);
        wire.is_default_empty = Some(default.is_none());
        wire
    }

    pub fn from_wire(acl: &PAcl) -> Self {
        let mut list = Self::new(Mode::new(acl.mode() as u16));
        for entry in acl.entries.iter().filter_map(|e| AclEntry::from_wire(e).ok()) {
            list.set(&entry.kind, entry.actions);
        }
        list
    }

    pub fn to_stored(&self, owner: &str, group: &str, is_default: bool) -> shared::AccessControlList {
        let actions = |bits| shared::AclActions { actions: actions_to_wire(bits) };
        let named = |(name, bits): (&str, AclActions)| shared::NamedAclActions {
            name: Some(name.to_owned()),
            actions: Some(actions(bits)),
        };
        let mut users = vec![named((OWNING, self.mode.owner()))];
        let mut groups = vec![named((OWNING, self.mode.group()))];
        if let Some(extended) = &self.extended {
            users.extend(extended.users.iter().map(|(n, a)| named((n, *a))));
            groups.extend(extended.groups.iter().map(|(n, a)| named((n, *a))));
        }
        shared::AccessControlList {
            owning_user: Some(owner.to_owned()),
            owning_group: Some(group.to_owned()),
            user_actions: users,
            group_actions: groups,
            mask_actions: self.extended.as_ref().map(|e| actions(e.mask)),
            other_actions: Some(actions(self.mode.other())),
            is_default: Some(is_default),
            is_empty: Some(false),
        }
    }

    pub fn from_stored(stored: &shared::AccessControlList) -> Self {
        let bits = |actions: Option<&shared::AclActions>| {
            actions.map_or(Bits::NONE, |actions| actions_from_wire(&actions.actions))
        };
        let mut list = Self::default();
        for user in &stored.user_actions {
            let kind = match user.name() {
                OWNING => AclEntryKind::Owner,
                name => AclEntryKind::NamedUser(name.to_owned()),
            };
            list.set(&kind, bits(user.actions.as_ref()));
        }
        for group in &stored.group_actions {
            let kind = match group.name() {
                OWNING => AclEntryKind::OwningGroup,
                name => AclEntryKind::NamedGroup(name.to_owned()),
            };
            list.set(&kind, bits(group.actions.as_ref()));
        }
        list.set(&AclEntryKind::Other, bits(stored.other_actions.as_ref()));
        if list.has_extended() {
            list.set(&AclEntryKind::Mask, bits(stored.mask_actions.as_ref()));
        }
        list
    }
}
