//! Messages on a socket: each is understood or refused with a reason, and answered in JSON.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| poulpe_ingress_http::fuzz::message(text));
