//! Defaults that depend on the machine: `@max(4,3*cpus)`, `@memory*2/3`. Whole numbers, `*` and `/` from left to
//! right, `min` and `max` of two.

use crate::environment::Machine;

/// The value of an expression, or what is wrong with it.
pub(crate) fn evaluate(expression: &str, machine: &Machine) -> Result<u64, String> {
    let mut reader = Reader { rest: expression, machine };
    let value = reader.product()?;
    if reader.rest.is_empty() { Ok(value) } else { Err(reader.stuck()) }
}

struct Reader<'a> {
    rest: &'a str,
    machine: &'a Machine,
}

impl Reader<'_> {
    fn product(&mut self) -> Result<u64, String> {
        let mut value = self.factor()?;
        loop {
            if self.take('*') {
                value = value.saturating_mul(self.factor()?);
            } else if self.take('/') {
                value = value.checked_div(self.factor()?).ok_or("division by zero")?;
            } else {
                return Ok(value);
            }
        }
    }

    fn factor(&mut self) -> Result<u64, String> {
        let end = self.rest.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        match word {
            "cpus" => Ok(self.machine.cpus),
            "memory" => Ok(self.machine.memory),
            "max" => self.pair().map(|(a, b)| a.max(b)),
            "min" => self.pair().map(|(a, b)| a.min(b)),
            _ => word.parse().map_err(|_| format!("{word} is not a number, cpus, memory, min or max")),
        }
    }

    fn pair(&mut self) -> Result<(u64, u64), String> {
        if !self.take('(') {
            return Err(self.stuck());
        }
        let first = self.product()?;
        if !self.take(',') {
            return Err(self.stuck());
        }
        let second = self.product()?;
        if self.take(')') { Ok((first, second)) } else { Err(self.stuck()) }
    }

    fn take(&mut self, wanted: char) -> bool {
        let rest = self.rest.strip_prefix(wanted);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn stuck(&self) -> String {
        format!("cannot go on at \"{}\"", self.rest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_follow_the_machine() {
        let machine = Machine { cpus: 6, memory: 24 << 30, ..Machine::default() };
        for (expression, value) in [
            ("max(4,cpus)", 6),
            ("max(32,10*cpus)", 60),
            ("min(16,max(1,cpus/2))", 3),
            ("memory*2/3", 16 << 30),
            ("7", 7),
        ] {
            assert_eq!(evaluate(expression, &machine), Ok(value), "{expression}");
        }
    }

    #[test]
    fn mistakes_are_told() {
        for expression in ["", "max(4", "max 4", "min(1)", "cpu", "1/0", "4)", "max(1,2,3)"] {
            assert!(evaluate(expression, &Machine::default()).is_err(), "{expression}");
        }
    }
}
