//! Parameterised names: `alluxio.worker.tieredstore.level<n>.alias` stands for one name per tier. `<n>` is a
//! number, `<word>` letters, digits and underscores, `<dotted>` one or more words with dots, dashes or `@`.

/// Whether a name is an instance of a parameterised one.
pub(crate) fn matches(template: &str, name: &str) -> bool {
    captures(template, name).is_some()
}

/// What stands in a name at the places that vary.
pub(crate) fn captures<'a>(template: &str, name: &'a str) -> Option<Vec<&'a str>> {
    let Some((literal, hole, rest)) = next_hole(template) else {
        return (template == name).then(Vec::new);
    };
    let name = name.strip_prefix(literal)?;
    // The shortest filling first: names are short, and few templates have two holes.
    let ends = name.char_indices().map(|(at, c)| at + c.len_utf8());
    for end in ends.take_while(|end| fits(hole, &name[..*end])) {
        if let Some(mut found) = captures(rest, &name[end..]) {
            found.insert(0, &name[..end]);
            return Some(found);
        }
    }
    None
}

/// Fills the varying places of a text (a default, say).
pub(crate) fn fill(template: &str, captures: &[&str]) -> String {
    let mut captures = captures.iter();
    let mut filled = String::with_capacity(template.len());
    let mut rest = template;
    while let Some((literal, _, tail)) = next_hole(rest) {
        filled.push_str(literal);
        filled.push_str(captures.next().unwrap_or(&""));
        rest = tail;
    }
    filled + rest
}

/// The instance that a mistyped name may have meant: each hole takes the part that stands in the same position
/// between the dots. `None` when the number of parts differs.
pub(crate) fn imitate(template: &str, name: &str) -> Option<String> {
    if template.split('.').count() != name.split('.').count() {
        return None;
    }
    let parts = template.split('.').zip(name.split('.')).map(|(wanted, typed)| match next_hole(wanted) {
        None => wanted,
        Some((literal, hole, _)) if typed.strip_prefix(literal).is_some_and(|value| fits(hole, value)) => {
            typed
        }
        Some(_) => wanted,
    });
    Some(parts.collect::<Vec<_>>().join(".")).filter(|instance| !instance.contains('<'))
}

/// Splits at the first hole: what is before it, the hole's name, what is after.
fn next_hole(template: &str) -> Option<(&str, &str, &str)> {
    let (literal, rest) = template.split_once('<')?;
    let (hole, rest) = rest.split_once('>')?;
    Some((literal, hole, rest))
}

fn fits(hole: &str, value: &str) -> bool {
    !value.is_empty()
        && value.chars().all(|c| match hole {
            "n" => c.is_ascii_digit(),
            "word" => c.is_ascii_alphanumeric() || c == '_',
            _ => !c.is_whitespace() && c != '<' && c != '>',
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_match_their_template() {
        let tier = "alluxio.worker.tieredstore.level<n>.dirs.path";
        assert_eq!(captures(tier, "alluxio.worker.tieredstore.level12.dirs.path"), Some(vec!["12"]));
        assert!(!matches(tier, "alluxio.worker.tieredstore.levelx.dirs.path"));
        assert!(!matches(tier, "alluxio.worker.tieredstore.level.dirs.path"));
        assert!(!matches(tier, "alluxio.worker.tieredstore.level1.dirs.path.x"));
    }

    #[test]
    fn two_holes_share_what_is_there() {
        let address = "alluxio.master.rpc.address.<dotted>.<dotted>";
        assert_eq!(captures(address, "alluxio.master.rpc.address.prod.m-1"), Some(vec!["prod", "m-1"]));
        assert!(!matches(address, "alluxio.master.rpc.address.prod"));
    }

    #[test]
    fn user_names_may_hold_dots_and_at_signs() {
        let users = "alluxio.master.security.impersonation.<dotted>.users";
        assert_eq!(captures(users, "alluxio.master.security.impersonation.a.b@C.users"), Some(vec!["a.b@C"]));
        assert!(!matches(users, "alluxio.master.security.impersonation..users"));
    }

    #[test]
    fn holes_are_filled_in_order() {
        assert_eq!(fill("${level<n>.alias}", &["3"]), "${level3.alias}");
        assert_eq!(fill("<a>-<b>!", &["x", "y"]), "x-y!");
        assert_eq!(fill("plain", &["x"]), "plain");
    }
}
