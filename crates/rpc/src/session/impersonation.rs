//! Who may act as whom: `alluxio.master.security.impersonation.<user>.users` and `.groups`.

use std::sync::Arc;

use alluxio_conf::Configuration;
use tonic::Status;

use super::plain::{Plain, failed};
use crate::{Caller, GroupLookup};

/// The rules, read from the configuration when a session opens.
pub(super) struct Impersonation {
    conf: Configuration,
    groups: Arc<dyn GroupLookup>,
}

impl Impersonation {
    pub(super) fn new(conf: Configuration, groups: Arc<dyn GroupLookup>) -> Self {
        Self { conf, groups }
    }

    /// The caller that these claims make, or why not.
    pub(super) async fn admit(&self, claim: Plain) -> Result<Caller, Status> {
        let Plain { authorization, authentication } = claim;
        if authorization.is_empty() || authorization == authentication {
            return Ok(Caller { user: authentication.clone(), connection_user: authentication });
        }
        self.check(&authentication, &authorization).await.map_err(|reason| {
            failed(&format!(
                "Failed to authenticate client user=\"{authentication}\" connecting to Alluxio server and \
                 impersonating as impersonationUser=\"{authorization}\": {reason}"
            ))
        })?;
        Ok(Caller { user: authorization, connection_user: authentication })
    }

    async fn check(&self, user: &str, target: &str) -> Result<(), String> {
        let users = self.rule(user, "users");
        let groups = self.rule(user, "groups");
        if users.is_none() && groups.is_none() {
            return Err(format!(
                "user \"{user}\" may not impersonate anyone. Set {} or {}.",
                key_of(user, "users"),
                key_of(user, "groups"),
            ));
        }
        if users.is_some_and(|allowed| allowed.admits(target)) {
            return Ok(());
        }
        let Some(allowed) = groups else {
            return Err(format!("it is not among the users in {}.", key_of(user, "users")));
        };
        if allowed.any {
            return Ok(());
        }
        let member_of = self.groups.groups(target).await.map_err(|error| error.to_string())?;
        if member_of.iter().any(|group| allowed.admits(group)) {
            return Ok(());
        }
        Err(format!("none of its groups {member_of:?} is in {}.", key_of(user, "groups")))
    }

    fn rule(&self, user: &str, kind: &str) -> Option<Allowed> {
        let value = self.conf.by_name(&key_of(user, kind))?;
        let names: Vec<String> =
            value.split(',').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect();
        Some(Allowed { any: names.iter().any(|name| name == "*"), names })
    }
}

fn key_of(user: &str, kind: &str) -> String {
    format!("alluxio.master.security.impersonation.{user}.{kind}")
}

struct Allowed {
    any: bool,
    names: Vec<String>,
}

impl Allowed {
    fn admits(&self, name: &str) -> bool {
        self.any || self.names.iter().any(|allowed| allowed == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::UserAsGroup;

    fn rules(settings: &[(&str, &str)]) -> Impersonation {
        let conf = Configuration::defaults().with(settings).unwrap();
        Impersonation::new(conf, Arc::new(UserAsGroup))
    }

    async fn admit(rules: &Impersonation, user: &str, target: &str) -> Result<String, String> {
        let claim = Plain { authorization: target.into(), authentication: user.into() };
        rules.admit(claim).await.map(|caller| caller.user).map_err(|status| status.message().to_owned())
    }

    const USERS: &str = "alluxio.master.security.impersonation.svc.users";
    const GROUPS: &str = "alluxio.master.security.impersonation.svc.groups";

    #[tokio::test]
    async fn oneself_needs_no_rule() {
        assert_eq!(admit(&rules(&[]), "ann", "ann").await, Ok("ann".into()));
        assert_eq!(admit(&rules(&[]), "ann", "").await, Ok("ann".into()));
    }

    #[tokio::test]
    async fn without_a_rule_the_answer_names_the_properties() {
        let text = admit(&rules(&[]), "svc", "ann").await.unwrap_err();
        assert!(text.starts_with("Plain authentication failed: Failed to authenticate client user=\"svc\""));
        assert!(text.contains(USERS) && text.contains(GROUPS), "{text}");
    }

    #[tokio::test]
    async fn a_list_of_users_admits_its_members() {
        let rules = rules(&[(USERS, "ann, bob")]);
        assert_eq!(admit(&rules, "svc", "bob").await, Ok("bob".into()));
        assert!(admit(&rules, "svc", "eve").await.is_err());
        assert!(admit(&rules, "other", "ann").await.is_err());
    }

    #[tokio::test]
    async fn a_list_of_groups_admits_members_of_the_groups() {
        let rules = rules(&[(USERS, "ann"), (GROUPS, "bob")]);
        assert_eq!(admit(&rules, "svc", "bob").await, Ok("bob".into()));
        assert!(admit(&rules, "svc", "eve").await.unwrap_err().contains(GROUPS));
    }

    #[tokio::test]
    async fn a_star_admits_everybody() {
        assert!(admit(&rules(&[(USERS, "*")]), "svc", "eve").await.is_ok());
        assert!(admit(&rules(&[(GROUPS, "*")]), "svc", "eve").await.is_ok());
    }
}
