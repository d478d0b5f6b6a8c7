//! The lines that say whether a test passed. They are coloured always, as the original's are.

const GREEN: &str = "\u{1b}[32m";
const RED: &str = "\u{1b}[31m";
const RESET: &str = "\u{1b}[0m";

pub fn green(text: &str) -> String {
    format!("{GREEN}{text}{RESET}")
}

pub fn red(text: &str) -> String {
    format!("{RED}{text}{RESET}")
}

pub fn of_test(passed: bool) -> String {
    if passed { green("Passed the test!") } else { red("Failed the test!") }
}

#[cfg(test)]
mod tests {
    #[test]
    fn verdicts_are_coloured() {
        assert_eq!(super::of_test(true), "\x1b[32mPassed the test!\x1b[0m");
        assert_eq!(super::of_test(false), "\x1b[31mFailed the test!\x1b[0m");
    }
}
