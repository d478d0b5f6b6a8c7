//! The tree's share of the byte budget (docs/decisions/0003), measured: `cargo test -p alluxio-master
//! memory -- --ignored --nocapture`. Block locations are measured where they are kept; the whole of it, over
//! the wire, by `alluxio-bench growth`.

use alluxio_proto::journal::{BlockInfoEntry, JournalOpPId, NewBlockEntry};

use super::*;

const FILES: i64 = 1_000_000;
const PER_DIRECTORY: i64 = 1_000;
/// 200 bytes, of which a location and its reverse entry take 46 at most.
const AIM: i64 = 154;

fn resident() -> i64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    statm.split(' ').nth(1).unwrap().parse::<i64>().unwrap() * 4096
}

/// As clients write it: created, one block, its commit, completed; two operation ids.
fn write(tree: &mut Tree, n: i64) {
    let operation = |id: i64| {
        Some(JournalOpPId { most_significant_bits: Some(id * 7_919), least_significant_bits: Some(id) })
    };
    let mut created = file(n, 1 + n / PER_DIRECTORY, &format!("file-{n:011}"));
    created.operation_id = operation(2 * n);
    let mut completed = complete(n, 100, 1);
    completed.operation_id = operation(2 * n + 1);
    let new_block = Some(NewBlockEntry { id: Some(ids::file_id(n)) });
    let block_info = Some(BlockInfoEntry {
        block_id: Some(ids::block_id(n, 0)),
        length: Some(100),
        ..BlockInfoEntry::default()
    });
    let entries = [
        created,
        JournalEntry { new_block, ..JournalEntry::default() },
        JournalEntry { block_info, ..JournalEntry::default() },
        completed,
    ];
    apply_all(tree, &entries);
}

#[test]
#[ignore = "takes a minute, and nothing else may run in this process"]
fn memory_per_file() {
    let mut tree = Tree::default();
    apply_all(&mut tree, &[directory(0, -1, "")]);
    for n in 0..FILES / PER_DIRECTORY {
        apply_all(&mut tree, &[directory(1 + n, 0, &format!("directory-{n}"))]);
    }
    (0..PER_DIRECTORY).for_each(|n| write(&mut tree, n));
    let before = resident();
    (PER_DIRECTORY..FILES).for_each(|n| write(&mut tree, n));
    let per_file = (resident() - before) as f64 / (FILES - PER_DIRECTORY) as f64;
    println!("the tree takes {per_file:.1} bytes per file");
    assert!(per_file <= AIM as f64);
}
