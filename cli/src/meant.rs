//! The command that was meant by a mistyped one.

/// A line that names it, if one of `names` is near. Printed last: the usage would push it out of sight.
pub fn hint<'a>(typed: &str, names: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let slips = if typed.len() < 6 { 1 } else { 2 };
    let distance = |name: &str| strsim::osa_distance(&typed.to_lowercase(), &name.to_lowercase());
    let near =
        names.into_iter().map(|name| (distance(name), name)).filter(|(distance, _)| *distance <= slips);
    near.min().map(|(_, name)| format!("Did you mean {name}?"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_finds_its_command() {
        let names = ["ls", "mkdir", "copyFromLocal", "test", "touch"];
        let hint = |typed| hint(typed, names);
        assert_eq!(hint("mkdri").as_deref(), Some("Did you mean mkdir?"));
        assert_eq!(hint("copyfromlocl").as_deref(), Some("Did you mean copyFromLocal?"));
        assert_eq!(hint("nothing"), None);
        assert_eq!(hint("list"), None);
    }
}
