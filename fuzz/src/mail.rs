//! Params of MAIL_TO: no mail is more than one, whatever its task says.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| poulpe_exec_mail::fuzz::mail(text));
