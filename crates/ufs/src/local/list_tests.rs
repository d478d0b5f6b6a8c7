//! Listings with few names kept, against a plain list of what was made.

use std::collections::{BTreeMap, BTreeSet};

use alluxio_conf::Configuration;
use proptest::prelude::*;

use super::*;
use crate::driver::MountConf;
use crate::local::DRIVER;
use crate::uri::UfsUri;

/// All keys below a folder, page by page, keeping `names`; each second listing goes on in a new one.
fn keys(root: &Path, options: &ListOptions, names: Kept, interrupted: bool) -> Vec<String> {
    let uri = UfsUri::parse(root.to_str().unwrap()).unwrap();
    let ufs = LocalUfs::new(
        uri.clone(),
        &MountConf::new(&Configuration::defaults(), &DRIVER, &uri, &BTreeMap::new()).unwrap(),
    );
    let mut keys = Vec::new();
    let mut options = options.clone();
    let begin = |options: &ListOptions| Walk {
        directory: UfsPath::root(),
        options: options.clone(),
        names,
        started: false,
        way: Vec::new(),
    };
    let mut walk = begin(&options);
    while let Some(page) = walk.page(&ufs.folder).unwrap() {
        assert!(page.entries.len() <= options.limit);
        let held: usize = walk.way.iter().map(|level| level.keys.len()).sum();
        assert!(held <= names.all + walk.way.len() * names.least, "{held} names");
        let key = |entry: &crate::UfsStatus| crate::listing_key(entry.path.as_str(), entry.is_dir);
        keys.extend(page.entries.iter().map(key));
        if interrupted {
            options.start_after = Some(page.resume);
            walk = begin(&options);
        }
    }
    keys
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]
    #[test]
    fn every_listing_is_the_sorted_rest(
        files in prop::collection::btree_set("[a-c.-]{1,3}(/[ab0]{1,2}){0,3}", 0..40),
        start in prop::option::of("[a-c/.-]{0,6}"),
        (limit, all, least) in (1usize..7, 0usize..9, 1usize..4),
        recursive: bool,
        interrupted: bool,
    ) {
        let root = tempfile::tempdir().unwrap();
        let mut made = BTreeSet::new();
        for file in files.iter().filter(|file| UfsPath::parse(file).is_ok()) {
            let location = root.path().join(file);
            // A file may stand where a later one wants a folder: left out.
            if fs::create_dir_all(location.parent().unwrap()).is_err() || location.is_dir() {
                continue;
            }
            fs::write(location, "").unwrap();
        }
        collect(root.path(), "", recursive, &mut made);
        let expected: Vec<String> =
            made.into_iter().filter(|key| start.as_ref().is_none_or(|start| key > start)).collect();
        let options = ListOptions { recursive, start_after: start, limit, ..ListOptions::default() };
        prop_assert_eq!(keys(root.path(), &options, Kept { all, least }, interrupted), expected);
    }
}

fn collect(folder: &Path, prefix: &str, recursive: bool, made: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        let is_dir = entry.file_type().unwrap().is_dir();
        let key = format!("{prefix}{}", crate::listing_key(&name, is_dir));
        if is_dir && recursive {
            collect(&entry.path(), &key, recursive, made);
        }
        made.insert(key);
    }
}
