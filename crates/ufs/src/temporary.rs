//! Names of files that are being written.
//!
//! The form is the original's (alluxio.util.io.PathUtils, measured on 2.9.4), so that its tools and ours hide
//! and clean up the same files: `<name>.alluxio.0x<16 upper-case hex digits>.tmp`.

const MARK: &str = ".alluxio.0x";
const DIGITS: usize = 16;
const END: &str = ".tmp";
/// Longest file name on Linux file systems, in bytes.
const LONGEST_NAME: usize = 255;

/// The temporary name of `name` for the write that drew `nonce`. A long name is cut to keep the result legal.
pub fn temporary_name(name: &str, nonce: u64) -> String {
    let room = LONGEST_NAME - MARK.len() - DIGITS - END.len();
    let mut end = name.len().min(room);
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}{MARK}{nonce:016X}{END}", &name[..end])
}

/// Whether `name` (or a path's last component) is a temporary name.
pub fn is_temporary_name(name: &str) -> bool {
    permanent_name(name).is_some()
}

/// The name without its temporary ending; none when it is not temporary. Cut short when it was long.
pub fn permanent_name(name: &str) -> Option<&str> {
    let rest = name.strip_suffix(END)?;
    let (stem, nonce) = rest.split_at_checked(rest.len().checked_sub(DIGITS)?)?;
    let hex = |byte: u8| matches!(byte, b'0'..=b'9' | b'A'..=b'F');
    if nonce.bytes().all(hex) { stem.strip_suffix(MARK) } else { None }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_original_knows_our_names() {
        assert_eq!(temporary_name("b", 1234), "b.alluxio.0x00000000000004D2.tmp");
        assert!(!is_temporary_name("b.alluxio.0x00000000000004d2.tmp"));
        assert!(!is_temporary_name("b.tmp"));
        assert!(!is_temporary_name("é.tmp"));
    }

    proptest! {
        #[test]
        fn names_come_back_and_stay_legal(name in "\\PC{1,300}", nonce: u64) {
            let temporary = temporary_name(&name, nonce);
            prop_assert!(temporary.len() <= LONGEST_NAME);
            let back = permanent_name(&temporary).unwrap();
            prop_assert!(name.starts_with(back));
            prop_assert!(name.len() > 200 || back == name);
        }
    }
}
