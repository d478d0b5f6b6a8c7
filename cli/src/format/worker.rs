//! Empties the folders in which the worker of this host keeps blocks.

use std::{
    fs, io,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use alluxio_conf::{Configuration, key};

use crate::error::CommandError;

/// Everybody may make files, but nobody may remove those of others.
const STICKY: u32 = 0o1000;

/// Removes and makes anew the worker's folder in each of its storage directories.
pub fn format(conf: &Configuration) -> Result<(), CommandError> {
    let permissions = conf.get(key::WORKER_DATA_FOLDER_PERMISSIONS);
    let mode = mode_bits(&permissions).ok_or_else(|| {
        CommandError::failed(format!(
            "alluxio.worker.data.folder.permissions={permissions}: write nine letters, for example rwxrwxrwx"
        ))
    })?;
    for folder in folders(conf)? {
        make_anew(&folder, mode | STICKY).map_err(|error| CommandError::local(&folder, error))?;
    }
    Ok(())
}

fn folders(conf: &Configuration) -> Result<Vec<PathBuf>, CommandError> {
    let name = conf.get(key::WORKER_DATA_FOLDER);
    let name = name.trim_start_matches('/');
    if Path::new(name).components().any(|part| !matches!(part, std::path::Component::Normal(_)))
        || name.is_empty()
    {
        // Formatting removes the folder: it must lie below the storage directory.
        return Err(CommandError::failed(format!(
            "alluxio.worker.data.folder={name} must be the name of a folder inside the storage directories"
        )));
    }
    let tiers = conf.tiers().map_err(|error| CommandError::failed(error.to_string()))?;
    Ok(tiers.iter().flat_map(|tier| &tier.dirs).map(|dir| dir.path.join(name)).collect())
}

fn make_anew(folder: &Path, mode: u32) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    fs::create_dir_all(folder)?;
    // Set afterwards: the umask takes bits away from those given at creation.
    fs::set_permissions(folder, fs::Permissions::from_mode(mode))
}

fn mode_bits(text: &str) -> Option<u32> {
    if text.len() != 9 {
        return None;
    }
    text.bytes().zip("rwxrwxrwx".bytes()).try_fold(0, |bits, (given, letter)| match given {
        b'-' => Some(bits << 1),
        given if given == letter => Some(bits << 1 | 1),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn permissions_are_letters() {
        assert_eq!(mode_bits("rwxrwxrwx"), Some(0o777));
        assert_eq!(mode_bits("rwxr-x--x"), Some(0o751));
        for text in ["", "rwx", "777", "xwrxwrxwr", "rwxrwxrwxx"] {
            assert_eq!(mode_bits(text), None, "{text}");
        }
    }

    #[test]
    fn only_the_workers_own_folder_is_emptied() {
        let dir = tempfile::tempdir().unwrap();
        let tier = dir.path().join("tier");
        let conf = Configuration::defaults()
            .with(&[
                ("alluxio.worker.tieredstore.level0.dirs.path", tier.to_str().unwrap()),
                ("alluxio.worker.tieredstore.level0.dirs.quota", "1MB"),
            ])
            .unwrap();
        format(&conf).unwrap();
        let folder = tier.join("alluxioworker");
        assert_eq!(folder.metadata().unwrap().permissions().mode() & 0o7777, 0o1777);
        fs::write(folder.join("block"), "x").unwrap();
        fs::write(tier.join("other"), "x").unwrap();
        format(&conf).unwrap();
        assert!(!folder.join("block").exists());
        assert!(tier.join("other").exists());
    }

    #[test]
    fn a_data_folder_outside_is_refused() {
        for folder in ["/", "..", "/../etc"] {
            let conf = Configuration::defaults().with(&[("alluxio.worker.data.folder", folder)]).unwrap();
            assert!(format(&conf).is_err(), "{folder}");
        }
    }
}
