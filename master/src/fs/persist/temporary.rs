//! The files that persist jobs write before they get their final name.
//!
//! A job's number carries the journal's term, and stands in the name of its temporary file. So a later
//! master can tell what an earlier one left behind. The name is one that listings leave out.

use alluxio_ufs::{is_temporary_name, permanent_name, temporary_name};

/// Tells our files from those that writers of files with similar names are busy with.
const STEM: &str = ".alluxio-persist.";

const TERM_BITS: u32 = 23;
const RANDOM_BITS: u32 = 40;

/// A new job's number: positive, never given out before.
pub fn job_id(term: u64, random: u64) -> i64 {
    let term = term & ((1 << TERM_BITS) - 1);
    let random = random & ((1 << RANDOM_BITS) - 1);
    // 63 bits.
    ((term << RANDOM_BITS) | random) as i64
}

fn term_of(job: u64) -> u64 {
    job >> RANDOM_BITS
}

/// The name of the file that a job for `name` writes.
pub fn file_name(name: &str, job: i64) -> String {
    temporary_name(&format!("{STEM}{name}"), job as u64)
}

/// The term of the master whose job wrote a file of this name; `None` when no job did.
pub fn term_in_name(name: &str) -> Option<u64> {
    let inner = permanent_name(name)?;
    if is_temporary_name(inner) {
        // The under storage wrote our file under a temporary name of its own, and was cut short.
        return term_in_name(inner);
    }
    if !inner.starts_with(STEM) {
        return None;
    }
    let digits = name.strip_suffix(".tmp")?.rsplit_once("0x")?.1;
    u64::from_str_radix(digits, 16).ok().map(term_of)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_name_carries_the_term(term in 0..1u64 << TERM_BITS, random: u64, name in "[a-zé. ]{1,300}") {
            let job = job_id(term, random);
            prop_assert!(job >= 0);
            let name = file_name(&name, job);
            prop_assert!(is_temporary_name(&name));
            prop_assert_eq!(term_in_name(&name), Some(term));
        }
    }

    #[test]
    fn what_others_write_is_not_ours() {
        assert_eq!(term_in_name("a"), None);
        assert_eq!(term_in_name(&temporary_name("a", 5)), None);
        let unfinished = temporary_name(&file_name("a", job_id(3, 9)), u64::MAX);
        assert_eq!(term_in_name(&unfinished), Some(3));
    }
}
