//! Tokens that were meant for a Java virtual machine: `-Dname=value` is taken, the rest is passed over.

use crate::environment::Environment;

/// Tokens by what they are.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Tokens {
    /// `-Dname=value`, in order.
    pub properties: Vec<(String, String)>,
    /// Options of the virtual machine.
    pub jvm: Vec<String>,
    /// Everything else, in order.
    pub rest: Vec<String>,
}

const JVM: [&str; 7] =
    ["-X", "-javaagent:", "-agentlib:", "-agentpath:", "-server", "--add-opens", "--add-exports"];

/// Sorts tokens. After `--` everything is left alone.
pub(crate) fn sort(tokens: impl IntoIterator<Item = String>) -> Tokens {
    let mut sorted = Tokens::default();
    let mut tokens = tokens.into_iter();
    while let Some(token) = tokens.next() {
        match token.strip_prefix("-D") {
            Some(property) if !property.is_empty() && !property.starts_with('=') => {
                let (name, value) = property.split_once('=').unwrap_or((property, ""));
                sorted.properties.push((name.to_owned(), value.to_owned()));
            }
            _ if JVM.iter().any(|option| token.starts_with(option)) => sorted.jvm.push(token),
            _ if token == "--" => {
                sorted.rest.push(token);
                sorted.rest.extend(tokens.by_ref());
            }
            _ => sorted.rest.push(token),
        }
    }
    sorted
}

/// The tokens of an `ALLUXIO_*_JAVA_OPTS` variable. The original's scripts let the shell read it, so `$NAME` and
/// `${NAME}` stand for environment variables (Helm charts write `-Dalluxio.worker.hostname=${ALLUXIO_WORKER_HOSTNAME}`),
/// and blanks part tokens except inside quotes. `${alluxio.some.property}` is kept: it is no variable's name.
pub(crate) fn words(text: &str, environment: &Environment) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    for c in expand(text, environment).chars() {
        match (c, quote) {
            ('"' | '\'', None) => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (c, Some(open)) if c == open => quote = None,
            (c, None) if c.is_whitespace() => words.extend(word.take()),
            (c, _) => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}

/// The properties that the text of an `ALLUXIO_*_JAVA_OPTS` variable sets, where no other variable is set: `$NAME` is nothing.
#[must_use]
pub fn properties_of(text: &str) -> Vec<(String, String)> {
    sort(words(text, &Environment::default())).properties
}

fn expand(text: &str, environment: &Environment) -> String {
    let mut expanded = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('$') {
        expanded.push_str(before);
        match variable(after) {
            Some((name, tail)) => {
                expanded.push_str(environment.variable(name).unwrap_or_default());
                rest = tail;
            }
            None => {
                expanded.push('$');
                rest = after;
            }
        }
    }
    expanded + rest
}

/// The variable's name after a `$`, with or without braces, and what follows.
fn variable(text: &str) -> Option<(&str, &str)> {
    let is_name = |name: &str| {
        name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    };
    if let Some(braced) = text.strip_prefix('{') {
        return braced.split_once('}').filter(|(name, _)| is_name(name));
    }
    let end = text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(text.len());
    Some(text.split_at(end)).filter(|(name, _)| is_name(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment() -> Environment {
        let variables = [("HOST", "node-1"), ("TWO", "-Da=1 -Db=2")];
        let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        Environment { variables, ..Environment::default() }
    }

    #[test]
    fn properties_are_taken_and_options_of_the_machine_set_aside() {
        let tokens = "-Da.b=c -Xmx4g -XX:+UseG1GC fs -javaagent:/x.jar=1 ls -Dd=e=f /p -Dg -agentlib:jdwp -D";
        let sorted = sort(tokens.split(' ').map(str::to_owned));
        let own = |pairs: &[(&str, &str)]| {
            pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect::<Vec<_>>()
        };
        assert_eq!(sorted.properties, own(&[("a.b", "c"), ("d", "e=f"), ("g", "")]));
        assert_eq!(sorted.jvm, ["-Xmx4g", "-XX:+UseG1GC", "-javaagent:/x.jar=1", "-agentlib:jdwp"]);
        assert_eq!(sorted.rest, ["fs", "ls", "/p", "-D"]);
    }

    #[test]
    fn nothing_is_taken_after_two_dashes() {
        let sorted = sort(["-Da=1", "--", "-Db=2", "-Xmx1g"].map(str::to_owned));
        assert_eq!(
            (sorted.properties.len(), sorted.rest),
            (1, vec!["--".into(), "-Db=2".into(), "-Xmx1g".into()])
        );
    }

    #[test]
    fn a_variable_is_read_as_a_shell_reads_it() {
        let read = |text: &str| words(text, &environment());
        assert_eq!(read(" -Da=1\n  -Db=2\t"), ["-Da=1", "-Db=2"]);
        assert_eq!(read("-Dh=${HOST} -Di=$HOST:1 $TWO"), ["-Dh=node-1", "-Di=node-1:1", "-Da=1", "-Db=2"]);
        assert_eq!(
            read("-Dh=${UNSET}x -Dd=${alluxio.home}/a $ 5$"),
            ["-Dh=x", "-Dd=${alluxio.home}/a", "$", "5$"]
        );
        assert_eq!(read("-Dp='MM dd' \"-Dq=a b\"c ''"), ["-Dp=MM dd", "-Dq=a bc", ""]);
        assert!(read("").is_empty());
    }
}
