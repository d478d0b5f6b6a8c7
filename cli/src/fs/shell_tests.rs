use super::*;
use crate::error::ExitStatus;

async fn shell(line: &str) -> (ExitStatus, String, String) {
    shell::without_a_master(&SET, line).await
}

#[tokio::test]
async fn without_a_command_the_usage_is_printed() {
    let (status, text, errors) = shell("").await;
    assert_eq!((status, errors.as_str()), (255, ""));
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines[0], "Usage: alluxio fs [generic options]");
    assert_eq!(lines[1], format!("{:<60}", "\t [cat <path>]"));
    assert_eq!(lines.iter().filter(|line| line.starts_with("\t [")).count(), COMMANDS.len());
}

#[tokio::test]
async fn an_unknown_command_is_named() {
    let (status, text, errors) = shell("list /").await;
    assert_eq!((status, errors.as_str()), (255, "list is an unknown command.\n"));
    assert!(text.starts_with("Usage: alluxio fs [generic options]\n"));
}

#[tokio::test]
async fn wrong_arguments_are_answered_with_usage_and_description() {
    for (line, message) in [
        ("mv /a", "Command mv takes 2 arguments, not 1"),
        ("ls", "Command ls requires at least 1 arguments (0 provided)"),
        ("help a b", "Command help requires at most 1 arguments (2 provided)"),
        ("ls -q /", "Failed to parse args for ls: Unrecognized option: -q"),
        ("ls --timestamp=noon /", "Unrecognized timestamp option noon"),
        ("setTtl --action keep /a 1s", "TTL action should be DELETE OR FREE, not keep"),
        ("cp --thread 0 /a /b", "thread must be > 0"),
    ] {
        let (status, text, errors) = shell(line).await;
        assert_eq!((status, errors.as_str()), (255, ""), "{line}");
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines[0], message);
        let name = line.split(' ').next().unwrap();
        assert!(lines[1].starts_with(&format!("Usage: {name}")), "{text}");
        assert!(lines.len() > 2, "{text}");
    }
}

#[tokio::test]
async fn failures_are_told_on_standard_output_with_status_255() {
    for (line, message) in [
        ("ls nope", "Path \"nope\" is invalid.\n"),
        (
            "ls alluxio://other:19998/",
            "The URI authority other:19998 does not match the configured value of 127.0.0.1:1.\n",
        ),
        ("chown a:b:c /x", "Failed to parse a:b:c as user or user:group\n"),
        ("setfacl /x", "No actions specified.\n"),
        ("ls --sort=colour /", "Invalid sort option `colour` for --sort\n"),
        (
            "cp file:///a file:///b",
            "Both paths are on this machine: one of them must be in Alluxio (/path or alluxio://...)\n",
        ),
        ("copyFromLocal /nowhere/at/all /x", "Path \"file:///nowhere/at/all\" does not exist.\n"),
        ("setTtl /x soon", "soon is not valid time\n"),
    ] {
        let (status, text, errors) = shell(line).await;
        assert_eq!((status, text.as_str(), errors.as_str()), (255, message, ""), "{line}");
    }
}

#[tokio::test]
async fn a_master_that_is_not_there_is_named() {
    let (status, text, _) = shell("ls /").await;
    assert_eq!(status, 255);
    assert!(text.starts_with("Cannot reach the Alluxio master at 127.0.0.1:1: "), "{text}");
    assert!(text.contains("alluxio.master.hostname"), "{text}");
    assert_eq!(text.lines().count(), 1, "{text}");
}

#[tokio::test]
async fn a_question_needs_exactly_one_option() {
    assert_eq!(shell("test /x").await.0, 255);
    assert_eq!(shell("test -d -f /x").await.0, 255);
}

#[tokio::test]
async fn help_explains_commands() {
    let (status, text, _) = shell("help rm").await;
    assert_eq!(status, 0);
    assert!(text.starts_with("rm: Removes"), "{text}");
    assert!(text.contains("\nusage: rm [-R/-r/--recursive]"), "{text}");
    assert!(text.contains("\n -R,--recursive "), "{text}");
    let (status, text, _) = shell("help nope").await;
    assert_eq!((status, text.as_str()), (255, "nope is an unknown command.\n"));
    let (status, text, _) = shell("help").await;
    assert_eq!(status, 0);
    assert_eq!(text.matches("\nusage: ").count(), COMMANDS.len());
}

#[test]
fn declarations_are_consistent() {
    for command in COMMANDS {
        let spec = &command.spec;
        assert!(spec.usage.contains(spec.name), "{}", spec.name);
        assert!(spec.description.ends_with('.'), "{}", spec.name);
        assert_eq!(COMMANDS.iter().filter(|other| other.spec.name == spec.name).count(), 1, "{}", spec.name);
        let mut keys: Vec<_> =
            spec.options.iter().flat_map(|option| [option.short, option.long]).flatten().collect();
        keys.sort();
        assert!(keys.windows(2).all(|pair| pair[0] != pair[1]), "{}", spec.name);
    }
}
