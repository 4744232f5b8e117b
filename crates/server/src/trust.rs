//! The pages that people check the service with: the state of each promise, the receipt checker and
//! the log in words. The crate `pages` has their texts and templates; this module fills them.
//!
//! The states come from checks that run all the time ([`watches`]) and read what the service has
//! already. A page waits for no check: it shows the last answers with their times.

mod answer;
mod checks;
mod explore;
mod home;
mod replay;
mod seen;
mod watch;

pub(crate) use self::{
    answer::answer,
    home::{is_at, is_hidden, purposes},
    seen::{Seen, ask_for_key, with_basic_key},
    watch::watches,
};
