//! Pages for signed-in people: the review desk, the customer's data, the developer's overview, the
//! operator's console, and the explanation of the treatment of data.
//!
//! A page asks the API. It names requests, the server makes them with the person's own token, and the
//! page shows the answers. A form of a page names the one request that it makes ([`act`]). So a page can
//! show and do only the things that the API permits this person, and everything on it is there for programs, too.

pub mod act;
pub mod answer;
mod badges;
mod build;
#[cfg(test)]
mod checks;
mod compare;
mod console;
mod data;
mod explain;
mod frame;
mod home;
mod keys;
mod outcome;
mod parts;
pub mod playground;
mod reading;
mod review;
pub mod sign_in;
mod subjects;

use std::fmt;

use crate::{format::Query, layout::Frame};

pub use self::{
    answer::{Answer, Refused},
    badges::Badges,
    outcome::{outcome, refused, to_sign},
};

/// The listener on which a person signed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Desk {
    /// The owner desk: customers' people and the operator's, with tokens.
    Owner,
    /// The review desk, which only enrolled workstations reach.
    Review,
    /// The operations listener, with the administrator's key.
    Operations,
}

/// A visit of a signed-in person to a page.
#[derive(Clone)]
pub struct Visit<'a> {
    /// The frame of the page.
    pub frame: Frame<'a>,
    /// The listener.
    pub desk: Desk,
    /// The token of the session that each form sends back: it proves that the form is ours.
    pub csrf: &'a str,
    /// The person's name at the identity provider.
    pub name: Option<&'a str>,
    /// What waits for the person.
    pub badges: &'a Badges,
    /// Now, in milliseconds since 1970.
    pub now_ms: u64,
}

/// Omits the session's token and the person's name.
impl fmt::Debug for Visit<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Visit").field("desk", &self.desk).finish_non_exhaustive()
    }
}

/// A page that shows answers of the API.
pub trait View: Send + Sync {
    /// Returns the addresses that the page asks, each of a GET: `/desk/v1/roll`.
    fn asks(&self) -> Vec<String>;

    /// Returns the addresses that the page asks at a time, in milliseconds since 1970: as many as
    /// [`View::asks`], in the same order. It differs for pages about this hour, this day or this month.
    fn asks_at(&self, now_ms: u64) -> Vec<String> {
        let _ = now_ms;
        self.asks()
    }

    /// Returns the page. `answers` are in the order of [`View::asks`].
    fn html(&self, visit: &Visit<'_>, answers: &[Answer]) -> String;
}

/// The folder of these pages in addresses.
pub const FOLDER: &str = "/pages";

/// A page of a listener: its address below [`FOLDER`], where `{}` stands for one variable segment, and
/// how its view is made of the variable segments and the parameters.
pub(crate) struct Route {
    desks: &'static [Desk],
    address: &'static str,
    view: fn(&[&str], &Query) -> Box<dyn View>,
}

/// The tables of pages, one of each person's module.
const ROUTES: &[&[Route]] = &[
    home::ROUTES,
    review::ROUTES,
    data::ROUTES,
    subjects::ROUTES,
    keys::ROUTES,
    build::ROUTES,
    console::ROUTES,
    explain::ROUTES,
    compare::ROUTES,
];

/// Returns the page with this address (`/data/acme`, below [`FOLDER`]) at a listener.
#[must_use]
pub fn find(desk: Desk, address: &str, query: &Query) -> Option<Box<dyn View>> {
    let routes = ROUTES.iter().copied().flatten().filter(|route| route.desks.contains(&desk));
    routes.into_iter().find_map(|route| {
        let named = segments(route.address, address)?;
        Some((route.view)(&named, query))
    })
}

/// Returns the addresses of all pages of a listener, with `{}` for variable segments.
pub fn addresses(desk: Desk) -> impl Iterator<Item = &'static str> {
    let routes = ROUTES.iter().copied().flatten();
    routes.filter(move |route| route.desks.contains(&desk)).map(|route| route.address)
}

/// Returns the variable segments of an address, if it fits.
fn segments<'a>(template: &str, address: &'a str) -> Option<Vec<&'a str>> {
    let (mut names, mut given) = (template.split('/'), address.split('/'));
    let mut named = Vec::new();
    loop {
        match (names.next(), given.next()) {
            (None, None) => return Some(named),
            (Some("{}"), Some(segment)) if is_name(segment) => named.push(segment),
            (Some(name), Some(segment)) if name == segment => {}
            _ => return None,
        }
    }
}

/// Whether a segment is a name or an id as the API has them: it goes into the addresses that a page
/// asks, and must not lead elsewhere.
fn is_name(segment: &str) -> bool {
    let letter = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    !segment.is_empty() && segment.bytes().all(letter) && !segment.bytes().all(|byte| byte == b'.')
}

/// Returns the variable segment of this number, of an address that fits.
fn nth(named: &[&str], number: usize) -> String {
    named.get(number).copied().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod testing;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_segment_is_a_name() {
        assert_eq!(segments("/data/{}", "/data/acme"), Some(vec!["acme"]));
        assert_eq!(segments("/data/{}/records/{}", "/data/a/records/b"), Some(vec!["a", "b"]));
        for bad in ["/data", "/data/", "/data/a/b", "/data/..", "/data/a%2fb", "/data/a?b", "/x/a"]
        {
            assert_eq!(segments("/data/{}", bad), None, "{bad}");
        }
        assert_eq!(segments("", ""), Some(vec![]));
    }
}
