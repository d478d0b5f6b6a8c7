//! Random sequences of operations against a map of paths.

use std::collections::BTreeMap;

use alluxio_fs::{AlluxioPath, ErrorKind, FsError};
use alluxio_proto::grpc::file::{CompleteFilePOptions, CreateFilePOptions, WritePType};
use proptest::prelude::*;

use crate::fs::{
    delete::DeleteOptions,
    fixture::{Rig, create_options, path, recursive},
};

#[derive(Clone, Debug)]
enum Op {
    Mkdir(String, bool),
    Create(String, bool, bool),
    Rename(String, String),
    Delete(String, bool),
    /// A restart without warning.
    Crash,
}

/// What the model knows of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Directory,
    File,
}

fn paths() -> impl Strategy<Value = String> {
    prop::collection::vec(prop::sample::select(vec!["a", "b", "c"]), 1..4)
        .prop_map(|names| format!("/{}", names.join("/")))
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let op = prop_oneof![
        3 => (paths(), any::<bool>()).prop_map(|(at, through)| Op::Mkdir(at, through)),
        4 => (paths(), any::<bool>(), any::<bool>()).prop_map(|(at, through, over)| Op::Create(at, through, over)),
        3 => (paths(), paths()).prop_map(|(from, to)| Op::Rename(from, to)),
        2 => (paths(), any::<bool>()).prop_map(|(at, all)| Op::Delete(at, all)),
        1 => Just(Op::Crash),
    ];
    prop::collection::vec(op, 1..40)
}

#[derive(Default)]
struct Model(BTreeMap<AlluxioPath, Kind>);

impl Model {
    /// Whether something can be put at a path, with parents made on the way.
    fn make(&mut self, at: &AlluxioPath, kind: Kind) -> Result<(), ErrorKind> {
        let mut above = Vec::new();
        let mut parent = at.parent();
        while let Some(directory) = parent.filter(|directory| !directory.is_root()) {
            match self.0.get(&directory) {
                Some(Kind::File) => return Err(ErrorKind::InvalidArgument),
                Some(Kind::Directory) => {}
                None => above.push(directory.clone()),
            }
            parent = directory.parent();
        }
        if self.0.contains_key(at) {
            return Err(ErrorKind::AlreadyExists);
        }
        self.0.extend(above.into_iter().map(|directory| (directory, Kind::Directory)));
        self.0.insert(at.clone(), kind);
        Ok(())
    }

    fn below_file(&self, at: &AlluxioPath) -> bool {
        let mut parent = at.parent();
        while let Some(directory) = parent {
            if self.0.get(&directory) == Some(&Kind::File) {
                return true;
            }
            parent = directory.parent();
        }
        false
    }

    fn missing(&self, at: &AlluxioPath) -> ErrorKind {
        if self.below_file(at) { ErrorKind::InvalidArgument } else { ErrorKind::NotFound }
    }

    fn apply(&mut self, op: &Op) -> Result<(), ErrorKind> {
        match op {
            Op::Mkdir(at, _) => self.make(&path(at), Kind::Directory),
            Op::Create(at, _, overwrite) => {
                let at = path(at);
                if *overwrite && self.0.get(&at) == Some(&Kind::File) {
                    return Ok(());
                }
                self.make(&at, Kind::File)
            }
            Op::Rename(from, to) => {
                let (from, to) = (path(from), path(to));
                if from == to {
                    return if self.0.contains_key(&to) { Ok(()) } else { Err(ErrorKind::NotFound) };
                }
                if to.starts_with(&from) {
                    return Err(ErrorKind::InvalidArgument);
                }
                if !self.0.contains_key(&from) {
                    return Err(self.missing(&from));
                }
                if self.0.contains_key(&to) {
                    return Err(ErrorKind::AlreadyExists);
                }
                let parent = to.parent().unwrap();
                if !parent.is_root() && !self.0.contains_key(&parent) {
                    return Err(self.missing(&to));
                }
                if self.below_file(&to) {
                    return Err(ErrorKind::InvalidArgument);
                }
                let moved: Vec<_> = self
                    .0
                    .iter()
                    .filter(|(at, _)| at.starts_with(&from))
                    .map(|(at, kind)| (at.clone(), *kind))
                    .collect();
                for (at, kind) in moved {
                    self.0.remove(&at);
                    let below = at.below(&from).unwrap();
                    let new = if below.is_empty() { to.clone() } else { to.join(below) };
                    self.0.insert(new, kind);
                }
                Ok(())
            }
            Op::Delete(at, all) => {
                let at = path(at);
                if !self.0.contains_key(&at) {
                    return Err(self.missing(&at));
                }
                let below = self.0.keys().filter(|other| other.starts_with(&at)).count();
                if below > 1 && !all {
                    return Err(ErrorKind::FailedPrecondition);
                }
                self.0.retain(|other, _| !other.starts_with(&at));
                Ok(())
            }
            Op::Crash => Ok(()),
        }
    }
}

fn write_type(through: bool) -> WritePType {
    if through { WritePType::CacheThrough } else { WritePType::MustCache }
}

async fn carry_out(rig: &Rig, op: &Op) -> Result<(), FsError> {
    let root = rig.root().await;
    match op {
        Op::Mkdir(at, through) => rig.mkdir(at, write_type(*through)).await,
        Op::Create(at, through, overwrite) => {
            let options =
                CreateFilePOptions { overwrite: Some(*overwrite), ..create_options(write_type(*through)) };
            rig.fs.create_file(&root, &path(at), &options).await?;
            if *through {
                std::fs::write(rig.in_ufs(at), "content").unwrap();
            }
            let ufs_length = through.then_some(7);
            rig.complete(at, CompleteFilePOptions { ufs_length, ..Default::default() }).await
        }
        Op::Rename(from, to) => rig.fs.rename(&root, &path(from), &path(to), &Default::default()).await,
        Op::Delete(at, all) => {
            rig.fs
                .delete_path(&root, &path(at), &DeleteOptions { recursive: *all, ..Default::default() })
                .await
        }
        Op::Crash => Ok(()),
    }
}

async fn run(ops: &[Op]) -> Result<(), TestCaseError> {
    let mut rig = Rig::new().await;
    let mut model = Model::default();
    for op in ops {
        let expected = model.apply(op);
        let result = carry_out(&rig, op).await;
        prop_assert_eq!(result.clone().map_err(|error| error.kind), expected, "{:?}: {:?}", op, result);
        if matches!(op, Op::Crash) {
            let hash = rig.hash();
            rig = rig.crash().await;
            prop_assert_eq!(rig.hash(), hash, "the log gives the tree");
        }
    }
    let mut listed: Vec<AlluxioPath> = Vec::new();
    for info in rig.list_infos("/", recursive()).await.unwrap() {
        let at = path(info.path());
        let kind = if info.folder() { Kind::Directory } else { Kind::File };
        prop_assert_eq!(model.0.get(&at), Some(&kind), "{}", at);
        prop_assert_eq!(
            info.persisted(),
            rig.ufs_has(at.as_str()),
            "persisted is in the under storage: {}",
            at
        );
        listed.push(at);
    }
    prop_assert_eq!(listed.len(), model.0.len());
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn operations_do_what_the_map_says(ops in ops()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(run(&ops))?;
    }
}
