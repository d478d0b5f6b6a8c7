//! Changing access control lists.

use alluxio_fs::{AclEntry, AlluxioPath, FsError};
use alluxio_proto::{
    grpc::file::{SetAclAction, SetAclPRequest},
    journal::{JournalEntry, PSetAclAction, SetAclEntry},
    shared,
};

use super::{
    FileSystemMaster,
    limits::{check_acl, check_acl_entries},
    status::existing,
    subject::Subject,
    walk::Walk,
};
use crate::{
    namespace::Claim,
    tree::{Inode, Slot, Tree, change_acl},
};

impl FileSystemMaster {
    /// The list is kept by Alluxio alone: the under storages of this version have none. The nine bits
    /// of the mode stay in the under storage as they were.
    pub async fn set_acl(
        &self,
        subject: &Subject,
        path: &AlluxioPath,
        request: &SetAclPRequest,
    ) -> Result<(), FsError> {
        let options = request.options.unwrap_or_default();
        let sync = options.common_options.as_ref().and_then(|common| common.sync_interval_ms);
        let action = match request.action() {
            SetAclAction::Replace => PSetAclAction::Replace,
            SetAclAction::Modify => PSetAclAction::Modify,
            SetAclAction::Remove => PSetAclAction::Remove,
            SetAclAction::RemoveAll => PSetAclAction::RemoveAll,
            SetAclAction::RemoveDefault => PSetAclAction::RemoveDefault,
        };
        let entries = request.entries.iter().map(AclEntry::from_wire).collect::<Result<Vec<_>, _>>()?;
        check_acl_entries(&entries)?;
        self.load_for_status(path, None, sync).await?;
        self.namespace
            .read_path(path, |tree, lookup| {
                self.permissions.traverse(tree, subject, path, lookup)?;
                let (slot, inode) = existing(tree, lookup, path)?;
                let replaces_base = action == PSetAclAction::Replace && entries.iter().any(|entry| !entry.is_default);
                if replaces_base && !has_base_entries(&entries) {
                    return Err(FsError::invalid_argument(
                        "Replacing an ACL needs entries for the owner (user::), the owning group (group::) and others (other::).",
                    ));
                }
                if !inode.is_directory() && entries.iter().any(|entry| entry.is_default) {
                    return Err(FsError::invalid_argument(format!(
                        "{path} is a file: only directories have a default ACL."
                    )));
                }
                self.permissions.owner(tree, subject, path, slot)?;
                check(tree, slot, inode, action, &entries)
            })
            .await?;
        if options.recursive() {
            // Not before it is known that the caller may change anything: it may take very long.
            self.load_for_listing(path, None, sync, true).await?;
        }
        let scope = if options.recursive() { Claim::subtree(path) } else { Claim::edge(path) };
        let reservation = self.namespace.reservations().reserve(vec![scope]).await?;
        let mut walk = Walk::new(path, options.recursive());
        while let Some(paths) = self.next_chunk(&mut walk).await? {
            let all: Vec<&AlluxioPath> = paths.iter().collect();
            self.namespace
                .mutate(&all, Some(&reservation), |tree, draft| {
                    for path in &paths {
                        let Some(slot) = tree.lookup(path).target() else { continue };
                        let Some(inode) = tree.get(slot) else { continue };
                        self.permissions.owner(tree, subject, path, slot)?;
                        // Files below have no default list: those entries pass them by.
                        let own: Vec<AclEntry> = entries
                            .iter()
                            .filter(|e| inode.is_directory() || !e.is_default)
                            .cloned()
                            .collect();
                        check(tree, slot, inode, action, &own)?;
                        draft.push(JournalEntry {
                            set_acl: Some(SetAclEntry {
                                id: Some(inode.id),
                                op_time_ms: Some(draft.now_ms),
                                action: Some(action as i32),
                                entries: own.iter().map(stored).collect(),
                                recursive: Some(false),
                            }),
                            ..JournalEntry::default()
                        });
                    }
                    Ok(())
                })
                .await?;
        }
        Ok(())
    }
}

/// What `apply` will do must be possible: it has nobody to tell.
fn check(
    tree: &Tree,
    slot: Slot,
    inode: &Inode,
    action: PSetAclAction,
    entries: &[AclEntry],
) -> Result<(), FsError> {
    let mut access = tree.access_acl(slot, inode);
    let mut default = tree.rare(slot, inode).and_then(|rare| rare.default_acl.as_deref().cloned());
    change_acl(action, entries, &mut access, &mut default)?;
    check_acl(&access)?;
    default.as_ref().map_or(Ok(()), check_acl)
}

fn has_base_entries(entries: &[AclEntry]) -> bool {
    use alluxio_fs::AclEntryKind::{Other, Owner, OwningGroup};
    [Owner, OwningGroup, Other].iter().all(|kind| entries.iter().any(|e| !e.is_default && e.kind == *kind))
}

/// The journal's entries have the numbers of the wire's.
fn stored(entry: &AclEntry) -> shared::AclEntry {
    let wire = entry.to_wire();
    shared::AclEntry {
        r#type: wire.r#type,
        subject: wire.subject,
        actions: wire.actions,
        is_default: wire.is_default,
    }
}
