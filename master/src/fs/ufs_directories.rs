//! Making in the under storage what a write-through is about to need there.

use alluxio_fs::{AlluxioPath, Bits, FsError, Mode};
use alluxio_ufs::{Attributes, MkdirsOptions};

use super::{
    FileSystemMaster,
    status::traversable,
    subject::Subject,
    ufs::{check_mode, check_writable, no_mount, ufs_error},
};
use crate::namespace::{Claim, Reservation};

/// One directory to be made, with what it will look like.
struct Wanted {
    path: AlluxioPath,
    attributes: Attributes,
}

impl FileSystemMaster {
    /// Makes `directory`, and what misses above it, in the under storage. Directories that exist in
    /// the tree keep their owner and mode; new ones get the caller's. The order is under storage, then
    /// journal: a crash in between leaves an empty directory that the next listing may bring in.
    /// The paths stay reserved until the caller has changed the tree.
    pub(super) async fn make_ufs_directories(
        &self,
        subject: &Subject,
        directory: &AlluxioPath,
        mode: Option<Mode>,
        recursive: bool,
    ) -> Result<Reservation, FsError> {
        // Who only needs the directory shares it with others who do: making it twice is no error. Who
        // is to create it in the tree afterwards has it alone.
        let claim = if mode.is_some() { Claim::edge(directory) } else { Claim::shared(directory) };
        let reservation = self.namespace.reservations().reserve(vec![claim]).await?;
        let wanted = self
            .namespace
            .read_path(directory, |tree, lookup| {
                self.permissions.traverse(tree, subject, directory, lookup)?;
                traversable(tree, lookup, directory)?;
                if lookup.missing > 0 {
                    self.permissions.parent(tree, subject, directory, lookup, Bits::WRITE)?;
                }
                if lookup.missing > usize::from(mode.is_some()) && !recursive {
                    return Err(FsError::path_does_not_exist(directory.parent().unwrap_or_else(AlluxioPath::root)));
                }
                check_writable(tree, directory)?;
                let mount = tree.mounts().mount_of(directory).ok_or_else(|| no_mount(directory))?;
                check_mode(tree, &mount, true)?;
                let mut wanted = Vec::new();
                let mut path = AlluxioPath::root();
                let names = std::iter::once("").chain(directory.components());
                for (n, name) in names.enumerate() {
                    path = if n == 0 { path } else { path.join(name) };
                    if path == mount.path || !path.starts_with(&mount.path) {
                        continue;
                    }
                    let inode = lookup.found.get(n).and_then(|slot| tree.get(*slot));
                    if inode.is_some_and(|inode| inode.is_persisted() || !inode.is_directory()) {
                        continue;
                    }
                    let last = path == *directory;
                    let mode = inode.map_or_else(
                        || mode.filter(|_| last).unwrap_or(Mode::new(0o777).masked_by(self.options.umask)),
                        |inode| inode.mode(),
                    );
                    let owner = inode.map_or(subject.user.as_str(), |inode| tree.owner(inode));
                    let group = inode.map_or(subject.primary_group(), |inode| tree.group(inode));
                    let name = |name: &str| Some(name.to_owned()).filter(|name| !name.is_empty());
                    let attributes =
                        Attributes { owner: name(owner), group: name(group), mode: Some(mode.get()) };
                    wanted.push(Wanted { path: path.clone(), attributes });
                }
                Ok((mount, wanted))
            })
            .await?;
        let (mount, wanted) = wanted;
        for Wanted { path, attributes } in wanted {
            let place = self.ufs_place(mount.clone(), &path)?;
            if !place.ufs.capabilities().directories {
                break;
            }
            let options = MkdirsOptions { attributes, ..MkdirsOptions::default() };
            place.ufs.mkdirs(&place.path, options).await.map_err(ufs_error)?;
        }
        Ok(reservation)
    }
}
