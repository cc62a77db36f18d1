//! What attackers send and what they get: each row of these tables names an attack, the one check that stops it, and the
//! answer. No two rows are stopped by the same check, so a check that is taken away makes a row fail.

mod access;
mod commands;
mod mails;
mod requests;
mod secrets;
mod tasks;
mod tls;
mod wire;
