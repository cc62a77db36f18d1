//! Headers that tell browsers to be careful with what poulpe answers. Constants only, so that they cost next to nothing.
//! Added by the app to every answer.

use hyper::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, HeaderMap, HeaderName, HeaderValue, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};

/// No answer is a script or a style whatever it looks like, can be shown inside another page, or tells others where the user
/// was.
const ALWAYS: [(HeaderName, HeaderValue); 3] = [
    (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
];

/// What a route may say otherwise: answers are of the moment and may hold secrets, and load nothing.
const UNLESS_SAID: [(HeaderName, HeaderValue); 2] = [
    (CACHE_CONTROL, HeaderValue::from_static("no-store")),
    (
        CONTENT_SECURITY_POLICY,
        HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'"),
    ),
];

/// Adds them to an answer.
pub(crate) fn add_to(headers: &mut HeaderMap) {
    headers.reserve(ALWAYS.len() + UNLESS_SAID.len());
    for (name, value) in ALWAYS {
        headers.insert(name, value);
    }
    for (name, value) in UNLESS_SAID {
        headers.entry(name).or_insert(value);
    }
}
