//! How far the sending of a mail has come, so that a failure can say where it happened. Set by the connection, read by
//! whoever judges its end.

use std::cell::RefCell;
use std::fmt;

/// What is being waited for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    Connect,
    Encrypt,
    Greeting,
    Hello,
    StartTls,
    Login,
    Sender(String),
    Recipient(String),
    Data,
    /// From here on the mail may be delivered.
    Content,
}

impl fmt::Display for Step {
    /// Reads after "while ".
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connect => f.write_str("connecting"),
            Self::Encrypt => f.write_str("setting up TLS"),
            Self::Greeting => f.write_str("waiting for its greeting"),
            Self::Hello => f.write_str("saying EHLO"),
            Self::StartTls => f.write_str("asking for STARTTLS"),
            Self::Login => f.write_str("logging in"),
            Self::Sender(address) => write!(f, "naming the sender {address}"),
            Self::Recipient(address) => write!(f, "naming the recipient {address}"),
            Self::Data => f.write_str("announcing the mail"),
            Self::Content => f.write_str("sending the mail, which it may have taken all the same"),
        }
    }
}

/// The step that an attempt is at.
#[derive(Debug)]
pub(crate) struct Steps(RefCell<Step>);

impl Default for Steps {
    fn default() -> Self {
        Self(RefCell::new(Step::Connect))
    }
}

impl Steps {
    pub(crate) fn go(&self, step: Step) {
        self.0.replace(step);
    }

    pub(crate) fn now(&self) -> Step {
        self.0.borrow().clone()
    }
}
