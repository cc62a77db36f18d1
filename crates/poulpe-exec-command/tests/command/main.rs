//! The command executor against real commands of the system.

mod allowed;
mod arguments;
mod ending;
mod group;
mod inherited;
mod output;
mod support;
