//! What a token may do, and what a route asks for. Never looks at a request. Used by the list of tokens, by the routes
//! and by the guard between them.

use std::fmt;

/// What a token may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Hand in tasks and wait for their results.
    Submit,
    /// Look at everything.
    Read,
    /// Everything: hand in, look, cancel, revive, purge, steer schedules.
    Admin,
}

impl Role {
    const ALL: [Role; 3] = [Role::Submit, Role::Read, Role::Admin];

    pub(crate) fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.name() == word)
    }

    fn name(self) -> &'static str {
        match self {
            Role::Submit => "submit",
            Role::Read => "read",
            Role::Admin => "admin",
        }
    }

    fn bit(self) -> u8 {
        1 << self as u8
    }
}

/// The roles of a token.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Roles(u8);

impl Roles {
    pub(crate) fn of(roles: &[Role]) -> Self {
        Self(roles.iter().fold(0, |bits, role| bits | role.bit()))
    }

    /// Whether whoever has these roles may do what takes this. An admin may do all.
    pub(crate) fn meet(self, need: Need) -> bool {
        let has = |role: Role| self.0 & role.bit() != 0;
        match need {
            Need::Nothing | Need::Any => true,
            _ if has(Role::Admin) => true,
            Need::Submit => has(Role::Submit),
            Need::Read => has(Role::Read),
            Need::Result => has(Role::Submit) || has(Role::Read),
            Need::Admin => false,
        }
    }
}

impl fmt::Display for Roles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = Role::ALL
            .into_iter()
            .filter(|role| self.0 & role.bit() != 0)
            .map(Role::name);
        f.write_str(&names.collect::<Vec<_>>().join(","))
    }
}

impl fmt::Debug for Roles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// What a request takes once there are tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Need {
    /// No token at all.
    Nothing,
    /// Any token.
    Any,
    Submit,
    /// The result of one job whose id is known: whoever hands in tasks or looks at them.
    Result,
    Read,
    Admin,
}

impl fmt::Display for Need {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Need::Nothing | Need::Any => "any role",
            Need::Submit => "the role submit or admin",
            Need::Result => "the role submit, read or admin",
            Need::Read => "the role read or admin",
            Need::Admin => "the role admin",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_role_may_do_its_own_and_an_admin_all() {
        let all = [
            Need::Nothing,
            Need::Any,
            Need::Submit,
            Need::Result,
            Need::Read,
            Need::Admin,
        ];
        for (roles, may) in [
            (&[][..], &all[..2]),
            (&[Role::Submit], &all[..4]),
            (&[Role::Submit, Role::Read], &all[..5]),
            (&[Role::Admin], &all),
        ] {
            for need in all {
                let expected = may.contains(&need);
                assert_eq!(Roles::of(roles).meet(need), expected, "{roles:?} {need:?}");
            }
        }
        let read = Roles::of(&[Role::Read]);
        assert!(read.meet(Need::Read) && read.meet(Need::Result) && !read.meet(Need::Submit));
    }
}
