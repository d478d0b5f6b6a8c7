//! `*` in paths: it stands for any number of characters inside one name.

/// Whether `name` is what `pattern` describes.
pub fn matches(pattern: &str, name: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = name.strip_prefix(first) else { return false };
    let Some(last) = parts.next_back() else { return rest.is_empty() };
    for part in parts {
        // The leftmost place leaves the most for what follows, so taking it never loses a match.
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

/// The files of this machine that `pattern` describes, sorted. Without `*` it is the path itself,
/// when there is such a file.
pub fn local_files(pattern: &str) -> std::io::Result<Vec<std::path::PathBuf>> {
    let mut found = vec![std::path::PathBuf::new()];
    for component in std::path::Path::new(pattern).components() {
        let text = component.as_os_str().to_string_lossy();
        let mut next = Vec::new();
        for base in found {
            if !text.contains('*') {
                let path = base.join(component);
                if path.symlink_metadata().is_ok() {
                    next.push(path);
                }
            } else if base.is_dir() {
                for entry in std::fs::read_dir(&base)? {
                    let entry = entry?;
                    if matches(&text, &entry.file_name().to_string_lossy()) {
                        next.push(entry.path());
                    }
                }
            }
        }
        found = next;
    }
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn stars_match_any_part_of_a_name() {
        for (pattern, name, expected) in [
            ("*", "", true),
            ("*", "a.txt", true),
            ("a*", "abc", true),
            ("a*", "bac", false),
            ("*.txt", "a.txt", true),
            ("*.txt", "a.txt.gz", false),
            ("a*b*c", "aXbYbZc", true),
            ("a*b*c", "acb", false),
            ("a*a", "a", false),
            ("ab", "ab", true),
            ("ab", "abc", false),
            ("a.c", "abc", false),
            ("*ä*", "Käse", true),
        ] {
            assert_eq!(matches(pattern, name), expected, "{pattern} {name}");
        }
    }

    proptest! {
        /// Replacing any part of a name by a star still describes the name.
        #[test]
        fn a_star_covers_what_it_replaces(left in "[ab]{0,4}", middle in "[ab]{0,4}", right in "[ab]{0,4}") {
            let name = format!("{}{}{}", left, middle, right);
            let pattern = format!("{}*{}", left, right);
            prop_assert!(matches(&pattern, &name));
            prop_assert!(matches(&name, &name));
        }
    }

    #[test]
    fn local_files_are_found_by_pattern() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["x1/a.txt", "x2/a.txt", "x2/b.log", "y/a.txt"] {
            let path = dir.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "").unwrap();
        }
        let find = |pattern: &str| -> Vec<String> {
            let files = local_files(&format!("{}/{pattern}", dir.path().display())).unwrap();
            files.iter().map(|f| f.strip_prefix(dir.path()).unwrap().display().to_string()).collect()
        };
        assert_eq!(find("x*/*.txt"), ["x1/a.txt", "x2/a.txt"]);
        assert_eq!(find("x2"), ["x2"]);
        assert!(find("z*").is_empty());
        assert!(find("nope").is_empty());
    }
}
