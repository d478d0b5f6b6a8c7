//! The SASL PLAIN initial response (RFC 4616): whom to act as, who is asking, a password.

use tonic::Status;

/// What the client claims. In SIMPLE the password is there but proves nothing.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Plain {
    /// The user to act as; empty: the asking user itself.
    pub authorization: String,
    pub authentication: String,
}

impl Plain {
    pub(super) fn parse(response: &[u8]) -> Result<Self, Status> {
        let text = std::str::from_utf8(response).map_err(|_| failed("The response is not UTF-8"))?;
        let mut parts = text.split('\0');
        let (Some(authorization), Some(authentication), Some(password), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(failed("The response must be <user to act as> NUL <user> NUL <password>"));
        };
        if authentication.is_empty() {
            return Err(failed("No authentication ID provided"));
        }
        if password.is_empty() {
            return Err(failed("No password provided"));
        }
        Ok(Self { authorization: authorization.to_owned(), authentication: authentication.to_owned() })
    }
}

/// Scripts and people look for this beginning, which is the original's.
pub(super) fn failed(reason: &str) -> Status {
    Status::unauthenticated(format!("Plain authentication failed: {reason}"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_response_captured_from_a_java_client() {
        let plain = Plain::parse(b"\0root\0noPassword").unwrap();
        assert_eq!(plain, Plain { authorization: String::new(), authentication: "root".into() });
    }

    #[test]
    fn what_is_missing_is_named() {
        let message = |bytes: &[u8]| Plain::parse(bytes).unwrap_err().message().to_owned();
        assert_eq!(message(b"\0root\0"), "Plain authentication failed: No password provided");
        assert!(message(b"\0\0pw").contains("No authentication ID"));
        assert!(message(b"root").contains("must be"));
        assert!(message(b"a\0b\0c\0d").contains("must be"));
        assert!(message(b"\0\xff\0x").contains("UTF-8"));
    }

    proptest! {
        #[test]
        fn any_three_parts_come_back(a in "[^\0]*", b in "[^\0]+", c in "[^\0]+") {
            let plain = Plain::parse(format!("{a}\0{b}\0{c}").as_bytes()).unwrap();
            prop_assert_eq!(plain, Plain { authorization: a, authentication: b });
        }

        #[test]
        fn no_bytes_make_it_panic(bytes: Vec<u8>) {
            // Only that it returns; the other tests say what.
            let _ = Plain::parse(&bytes);
        }
    }
}
