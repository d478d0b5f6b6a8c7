//! Owners, groups and modes.

use std::io;

use alluxio_hdfs::Entry;

use super::Inner;
use super::failure::kind_of;
use crate::error::{Operation, Result, UfsErrorKind};
use crate::options::Attributes;
use crate::path::UfsPath;

impl Inner {
    /// The mode of something new.
    pub(super) fn mode_of(&self, attributes: &Attributes, full: u16) -> u32 {
        u32::from(attributes.mode.map_or(full & !self.umask, |mode| mode & 0o777))
    }

    /// Gives something that was just made its attributes: the owner as far as this user may (the status tells the real
    /// one), the mode where the folder's default access control list took of it. True when something was changed.
    pub(super) async fn settle(
        &self,
        location: &str,
        attributes: &Attributes,
        made: &Entry,
    ) -> io::Result<bool> {
        let mut changed = false;
        let Attributes { owner, group, mode } = attributes;
        // One by one: only the superuser may give files away, but anybody to a group of his own.
        for (owner, group) in [(owner.as_deref(), None), (None, group.as_deref())] {
            let is_there = owner.is_none_or(|owner| owner == made.owner)
                && group.is_none_or(|group| group == made.group);
            if is_there {
                continue;
            }
            match self.hdfs.set_owner(location, owner, group).await {
                Err(error) if kind_of(&error) == UfsErrorKind::PermissionDenied => {
                    tracing::debug!(location, owner, group, %error, "owner not set");
                }
                done => changed = done.map(|()| true)?,
            }
        }
        if let Some(mode) = mode.filter(|mode| *mode & 0o777 != made.permissions & 0o777) {
            self.hdfs.set_permissions(location, u32::from(mode & 0o777)).await?;
            changed = true;
        }
        Ok(changed)
    }

    /// False when this user has not the right.
    pub(super) async fn set_owner(
        &self,
        path: &UfsPath,
        owner: Option<&str>,
        group: Option<&str>,
    ) -> Result<bool> {
        if owner.is_none() && group.is_none() {
            return Ok(true);
        }
        let done = self.hdfs.set_owner(&self.locate(path), owner, group).await;
        match done.map_err(self.failed(Operation::SetOwner, path)) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == UfsErrorKind::PermissionDenied => {
                // Nothing to change is as good as changed.
                let now = self.look(Operation::SetOwner, path).await?.ok_or(error)?;
                Ok(owner.is_none_or(|owner| owner == now.owner)
                    && group.is_none_or(|group| group == now.group))
            }
            Err(error) => Err(error),
        }
    }

    pub(super) async fn set_mode(&self, path: &UfsPath, mode: u16) -> Result<()> {
        if mode > 0o777 {
            return Err(self
                .error(UfsErrorKind::InvalidArgument, Operation::SetMode, path)
                .because(format!("{mode:o} is not a mode between 0 and 777")));
        }
        let set = self.hdfs.set_permissions(&self.locate(path), u32::from(mode)).await;
        set.map_err(self.failed(Operation::SetMode, path))
    }
}
