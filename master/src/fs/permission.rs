//! Who may do what.

use alluxio_conf::{Configuration, key};
use alluxio_fs::{AccessControlList, AlluxioPath, Bits, FsError, acl::Accessor};

use super::subject::Subject;
use crate::tree::{Lookup, Slot, Tree};

pub struct Permissions {
    enabled: bool,
    supergroup: String,
    process_user: String,
}

impl Permissions {
    pub fn from_conf(conf: &Configuration) -> Self {
        Self {
            enabled: conf.get(key::SECURITY_AUTHORIZATION_PERMISSION_ENABLED),
            supergroup: conf.get(key::SECURITY_AUTHORIZATION_PERMISSION_SUPERGROUP),
            process_user: alluxio_rpc::login_user(conf),
        }
    }

    pub fn process_user(&self) -> &str {
        &self.process_user
    }

    pub fn is_privileged(&self, user: &str, groups: &[String]) -> bool {
        user == self.process_user || groups.contains(&self.supergroup)
    }

    /// Whether nothing is refused to this caller.
    pub fn free(&self, subject: &Subject) -> bool {
        !self.enabled || subject.privileged
    }

    /// Every directory above the target must let the caller pass.
    pub fn traverse(
        &self,
        tree: &Tree,
        subject: &Subject,
        path: &AlluxioPath,
        lookup: &Lookup,
    ) -> Result<(), FsError> {
        if self.free(subject) {
            return Ok(());
        }
        let above = lookup.found.len() - usize::from(lookup.missing == 0 && !lookup.found.is_empty());
        for slot in &lookup.found[..above] {
            if tree.get(*slot).is_some_and(|inode| inode.is_directory()) {
                self.require(tree, subject, path, *slot, Bits::EXECUTE)?;
            }
        }
        Ok(())
    }

    /// Traversal, and `wanted` on the target.
    pub fn target(
        &self,
        tree: &Tree,
        subject: &Subject,
        path: &AlluxioPath,
        lookup: &Lookup,
        wanted: Bits,
    ) -> Result<(), FsError> {
        self.traverse(tree, subject, path, lookup)?;
        lookup.target().map_or(Ok(()), |slot| self.inode(tree, subject, path, slot, wanted))
    }

    /// Traversal, and `wanted` on the deepest directory above the target that exists.
    pub fn parent(
        &self,
        tree: &Tree,
        subject: &Subject,
        path: &AlluxioPath,
        lookup: &Lookup,
        wanted: Bits,
    ) -> Result<(), FsError> {
        self.traverse(tree, subject, path, lookup)?;
        let above = lookup.found.len().saturating_sub(usize::from(lookup.missing == 0));
        match lookup.found[..above].last() {
            Some(slot) => self.inode(tree, subject, path, *slot, wanted),
            None => Ok(()),
        }
    }

    pub fn inode(
        &self,
        tree: &Tree,
        subject: &Subject,
        path: &AlluxioPath,
        slot: Slot,
        wanted: Bits,
    ) -> Result<(), FsError> {
        if self.free(subject) { Ok(()) } else { self.require(tree, subject, path, slot, wanted) }
    }

    /// Only the owner of the inode, or who is privileged.
    pub fn owner(
        &self,
        tree: &Tree,
        subject: &Subject,
        path: &AlluxioPath,
        slot: Slot,
    ) -> Result<(), FsError> {
        let owns = tree.get(slot).is_some_and(|inode| tree.owner(inode) == subject.user);
        if self.free(subject) || owns {
            return Ok(());
        }
        Err(FsError::permission_denied(format!(
            "Permission denied: user={} is not the owner of inode={path}",
            subject.user
        )))
    }

    pub fn superuser(&self, subject: &Subject) -> Result<(), FsError> {
        if self.free(subject) {
            return Ok(());
        }
        Err(FsError::permission_denied(format!(
            "Permission denied: {} is not a super user or in super group",
            subject.user
        )))
    }

    fn require(
        &self,
        tree: &Tree,
        subject: &Subject,
        path: &AlluxioPath,
        slot: Slot,
        wanted: Bits,
    ) -> Result<(), FsError> {
        let Some(inode) = tree.get(slot) else { return Err(FsError::path_does_not_exist(path)) };
        let (owner, group) = (tree.owner(inode), tree.group(inode));
        let acl: AccessControlList = tree.access_acl(slot, inode);
        let accessor = Accessor { user: &subject.user, groups: &subject.groups };
        if acl.permitted(&accessor, owner, group).implies(wanted) {
            return Ok(());
        }
        let name = if inode.name.is_empty() { "/" } else { inode.name.as_str() };
        Err(FsError::permission_denied(format!(
            "Permission denied: user={}, access={wanted}, path={path}: failed at {name}, \
             inode owner={owner}, inode group={group}, inode mode={}",
            subject.user,
            inode.mode()
        )))
    }
}
