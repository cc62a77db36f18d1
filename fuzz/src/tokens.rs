//! Files of tokens and hosts: no text lets anybody in whom it doesn't name.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| poulpe_ingress_http::fuzz::tokens(text));
