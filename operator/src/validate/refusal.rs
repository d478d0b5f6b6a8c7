//! Why a cluster cannot be made as it is written: which field, what was seen there, what to type.

use std::fmt;

use crate::crd::Reason;

/// One refusal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The reason of the condition Degraded.
    pub reason: Reason,
    /// The field, from the object's root.
    pub field: String,
    /// What was seen there.
    pub seen: String,
    /// What to do.
    pub advice: String,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}; {}", self.field, self.seen, self.advice)
    }
}

/// All refusals of one cluster, one line each. Never empty as an error.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Refusals(pub Vec<Refusal>);

impl Refusals {
    /// Adds one about the spec itself.
    pub fn invalid(&mut self, field: impl Into<String>, seen: impl Into<String>, advice: impl Into<String>) {
        self.add(Reason::InvalidSpec, field, seen, advice);
    }

    /// Adds one.
    pub fn add(
        &mut self,
        reason: Reason,
        field: impl Into<String>,
        seen: impl Into<String>,
        advice: impl Into<String>,
    ) {
        self.0.push(Refusal { reason, field: field.into(), seen: seen.into(), advice: advice.into() });
    }

    /// The condition's reason: what only the user can mend comes before what may mend itself.
    #[must_use]
    pub fn reason(&self) -> Reason {
        let order = [Reason::InvalidSpec, Reason::ConflictsWithCluster];
        let first = order.into_iter().find(|reason| self.0.iter().any(|refusal| refusal.reason == *reason));
        first.or_else(|| self.0.first().map(|refusal| refusal.reason)).unwrap_or(Reason::InvalidSpec)
    }

    /// The error, if there is one.
    ///
    /// # Errors
    /// When anything was refused.
    pub fn into_result(self) -> Result<(), Self> {
        if self.0.is_empty() { Ok(()) } else { Err(self) }
    }
}

/// A condition's message may have 32 KiB; nobody reads more lines than these.
const SHOWN: usize = 20;

impl fmt::Display for Refusals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, refusal) in self.0.iter().take(SHOWN).enumerate() {
            let line_end = if at == 0 { "" } else { "\n" };
            write!(f, "{line_end}{refusal}")?;
        }
        match self.0.len().saturating_sub(SHOWN) {
            0 => Ok(()),
            more => write!(f, "\nand {more} more"),
        }
    }
}

impl std::error::Error for Refusals {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_only_the_user_can_mend_comes_first() {
        let mut refusals = Refusals::default();
        assert_eq!(refusals.clone().into_result(), Ok(()));
        refusals.add(Reason::MissingReference, "spec.a", "is not there", "make it");
        assert_eq!(refusals.reason(), Reason::MissingReference);
        refusals.add(Reason::ConflictsWithCluster, "spec.b", "is used", "choose another");
        assert_eq!(refusals.reason(), Reason::ConflictsWithCluster);
        refusals.invalid("spec.c", "is 1", "write 2");
        assert_eq!(refusals.reason(), Reason::InvalidSpec);
        let told = "spec.a: is not there; make it\nspec.b: is used; choose another\nspec.c: is 1; write 2";
        assert_eq!(refusals.to_string(), told);
    }

    #[test]
    fn a_flood_is_cut_off() {
        let mut refusals = Refusals::default();
        for at in 0..100 {
            refusals.invalid(format!("spec.{at}"), "is wrong", "mend it");
        }
        assert!(refusals.to_string().ends_with("spec.19: is wrong; mend it\nand 80 more"));
    }
}
