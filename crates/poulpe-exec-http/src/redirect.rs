//! Which answers are redirects, and where they lead. Never decides whether the address may be called; the resolver
//! does. Asked by the executor after each answer.

use crate::target::Target;
use poulpe_core::Failure;
use ureq::http::{HeaderMap, StatusCode, header::LOCATION};

/// As many as any service needs; a circle is noticed soon.
pub(crate) const MAX_REDIRECTS: u32 = 5;

/// Where an answer sends its caller.
pub(crate) struct Redirect {
    pub(crate) target: Target,
    /// Whether the call is to be repeated there with its method and body.
    pub(crate) repeats: bool,
}

/// The redirect in an answer of `from`, if it is one. A 3xx answer that leads nowhere is an answer like any other.
pub(crate) fn find(
    from: &Target,
    status: StatusCode,
    headers: &HeaderMap,
) -> Result<Option<Redirect>, Failure> {
    let repeats = match status.as_u16() {
        301..=303 => false,
        307 | 308 => true,
        _ => return Ok(None),
    };
    let Some(location) = headers.get(LOCATION) else {
        return Ok(None);
    };
    // Raw UTF-8 is not allowed there, but seen.
    let location = String::from_utf8_lossy(location.as_bytes());
    match from.join(&location) {
        Ok(target) => Ok(Some(Redirect { target, repeats })),
        Err(reason) => Err(Failure {
            status: Some(i32::from(status.as_u16())),
            ..Failure::later(format!(
                "{} redirects to where nothing can be called: the location {reason}",
                from.place()
            ))
        }),
    }
}
