use proptest::prelude::*;

use super::*;

const OPTIONS: &[OptionSpec] = &[
    OptionSpec::both("R", "recursive", "into directories"),
    OptionSpec::short("f", "force"),
    OptionSpec::short("c", "bytes").with_value("bytes"),
    OptionSpec::long("sort", "order").with_value("field"),
    OptionSpec::long("timestamp", "which time").with_value("field"),
    OptionSpec::long("timeout", "how long").with_value("time"),
    OptionSpec::both("r", "revision", "revision").with_optional_value("length"),
];

fn words(line: &str) -> Vec<String> {
    line.split_whitespace().map(str::to_owned).collect()
}

fn good(line: &str) -> Parsed {
    parse(OPTIONS, &words(line)).unwrap()
}

fn bad(line: &str) -> String {
    parse(OPTIONS, &words(line)).unwrap_err().to_string()
}

#[test]
fn options_may_stand_anywhere() {
    for line in ["-R /a /b", "/a -R /b", "/a /b --recursive", "/a /b -recursive", "--rec /a /b"] {
        let parsed = good(line);
        assert!(parsed.has("R") && parsed.has("recursive"), "{line}");
        assert_eq!(parsed.arguments, ["/a", "/b"], "{line}");
    }
}

#[test]
fn values_come_joined_or_apart() {
    for line in ["-c 10 /a", "-c10 /a", "-c=10 /a", "/a -Rc 10", "/a -Rc10", "-c \"10\" /a"] {
        assert_eq!(good(line).value("c"), Some("10"), "{line}");
    }
    for line in ["--sort name", "--sort=name", "-sort name", "-sort=name", "--so name"] {
        assert_eq!(good(line).value("sort"), Some("name"), "{line}");
    }
    assert_eq!(good("--sort=").value("sort"), Some(""));
    assert_eq!(good("-c -1").value("c"), Some("-1"));
    assert_eq!(good("-c 1 -c 2").value("c"), Some("1"));
}

#[test]
fn an_optional_value_may_be_missing() {
    assert_eq!(good("-r").value("r"), None);
    assert!(good("-r").has("r"));
    assert_eq!(good("-r 8").value("r"), Some("8"));
    assert_eq!(good("-r -f").value("r"), None);
}

#[test]
fn a_lone_dash_and_what_follows_two_dashes_are_arguments() {
    assert_eq!(good("- -f").arguments, ["-"]);
    let parsed = good("-f -- -R --sort");
    assert_eq!(parsed.arguments, ["-R", "--sort"]);
    assert!(!parsed.has("R"));
}

#[test]
fn wrong_lines_are_named() {
    assert_eq!(bad("-q /a"), "Unrecognized option: -q");
    assert_eq!(bad("-fq"), "Unrecognized option: -fq");
    assert_eq!(bad("--nope=1"), "Unrecognized option: --nope=1");
    assert_eq!(bad("--recursive=1"), "Unrecognized option: --recursive=1");
    assert_eq!(bad("/a -c"), "Missing argument for option: c");
    assert_eq!(bad("-c -f"), "Missing argument for option: c");
    assert_eq!(bad("--sort"), "Missing argument for option: sort");
    assert_eq!(bad("--time x"), "Ambiguous option: '--time'  (could be: 'timestamp', 'timeout')");
}

#[test]
fn required_options_are_asked_for() {
    let options = [OptionSpec::long("logName", "").with_value("name").required()];
    let error = parse(&options, &words("--")).unwrap_err();
    assert_eq!(error.to_string(), "Missing required option: logName");
    assert_eq!(parse(&options, &words("--logName x")).unwrap().value("logName"), Some("x"));
}

proptest! {
    /// Words without a leading dash come back as arguments, in order, wherever flags stand among them.
    #[test]
    fn arguments_keep_their_order(
        given in proptest::collection::vec("[a-z/*%ä ][a-z=/-]{0,6}", 0..8),
        flags in proptest::collection::vec(0usize..9, 0..4),
    ) {
        let mut line = given.clone();
        for at in flags {
            line.insert(at.min(line.len()), "-f".to_owned());
        }
        prop_assert_eq!(parse(OPTIONS, &line).unwrap().arguments, given);
    }

    #[test]
    fn no_line_makes_the_parser_panic(line in proptest::collection::vec("[-=a-zRä]{0,6}", 0..6)) {
        if let Err(error) = parse(OPTIONS, &line) {
            prop_assert!(!error.to_string().is_empty());
        }
    }
}
