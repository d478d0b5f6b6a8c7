//! Waiting at the start for what cannot be reached at the moment.
//!
//! An end would help nobody: whoever runs this master starts it again, after ever longer pauses. So the process stays, says
//! what it waits for in its log and on `/readyz`, and goes on by itself. What a person must mend first ends it, as ever.

use std::{pin::pin, time::Duration};

use tokio::time::{sleep, timeout};

use super::{error::StartError, role::Role};

/// Before the next try.
const PAUSE: Duration = Duration::from_secs(5);
/// After this it is told that there is no answer. A mounted folder whose server is away waits for ever.
const SILENCE: Duration = Duration::from_secs(10);

/// Tries until it succeeds, or fails in a way that will not pass. `what` is waited for.
pub(super) async fn reached<T>(
    what: &str,
    role: &Role,
    mut attempt: impl AsyncFnMut() -> Result<T, StartError>,
) -> Result<T, StartError> {
    let waits = |why: String| {
        if role.waits_for(&why) {
            tracing::warn!("this master waits: {why}");
        }
    };
    loop {
        let mut tried = pin!(attempt());
        let outcome = match timeout(SILENCE, &mut tried).await {
            Ok(outcome) => outcome,
            Err(_) => {
                waits(format!("{what} gives no answer"));
                tried.await
            }
        };
        match outcome {
            Err(error) if error.may_pass() => {
                waits(format!("{error}; it is tried again every {} s", PAUSE.as_secs()));
                sleep(PAUSE).await;
            }
            outcome => {
                if role.waits_no_more() {
                    tracing::info!("{what} can be reached");
                }
                return outcome;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use alluxio_journal::{JournalError, store::StoreError};

    use super::*;
    use crate::web::RoleSource;

    fn away(kind: io::ErrorKind) -> StartError {
        let source = io::Error::new(kind, "the cable is out");
        StartError::Journal(JournalError::Store(StoreError::io("list", "/journal", source)))
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_away_is_waited_for_and_told() {
        let (role, mut tries) = (Role::default(), 0);
        let reached = reached("the journal", &role, async || {
            tries += 1;
            match tries {
                1 | 2 => Err(away(io::ErrorKind::TimedOut)),
                3 => {
                    assert!(role.not_ready().unwrap().contains("the cable is out"), "{:?}", role.not_ready());
                    sleep(SILENCE * 2).await;
                    assert!(role.not_ready().unwrap().contains("the journal gives no answer"));
                    Err(away(io::ErrorKind::HostUnreachable))
                }
                _ => Ok(7),
            }
        });
        assert_eq!(reached.await.unwrap(), 7);
        assert_eq!(tries, 4);
        assert!(!role.not_ready().unwrap().contains("cable"));
    }

    #[tokio::test(start_paused = true)]
    async fn what_a_person_must_mend_is_told_at_once() {
        let role = Role::default();
        for wrong in [
            away(io::ErrorKind::PermissionDenied),
            StartError::Journal(JournalError::NotFormatted { location: "/journal".to_owned() }),
            StartError::NoRootUfs { uri: "/under".to_owned(), property: "p".to_owned() },
        ] {
            let (text, mut wrong) = (wrong.to_string(), Some(wrong));
            let refused = reached::<()>("the journal", &role, async || Err(wrong.take().unwrap())).await;
            assert_eq!(refused.unwrap_err().to_string(), text);
        }
    }
}
