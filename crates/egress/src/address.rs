//! Which addresses a destination may turn out to have.
//!
//! Whoever answers for a name could answer with an address inside the machine or beside it: the
//! loopback, where the operator's own listener is, or the cloud's metadata service. A name is not
//! enough for those; they are dialed only where the operator wrote the address down.

use std::net::IpAddr;

use crate::destination::{Destination, Host};

/// Whether `address`, which was looked up or written down, may be dialed for `destination`.
pub(crate) fn permitted(destination: &Destination, address: IpAddr) -> bool {
    let address = address.to_canonical();
    if address.is_loopback() {
        return destination.host.is_local();
    }
    if destination.host.is_local() {
        return false;
    }
    let written_down = matches!(&destination.host, Host::Address(own) if *own == address);
    written_down || !is_special(address)
}

/// Addresses that lead to no other machine, to all of them, or to the link's own services.
fn is_special(address: IpAddr) -> bool {
    if address.is_unspecified() || address.is_multicast() {
        return true;
    }
    match address {
        IpAddr::V4(v4) => v4.is_link_local() || v4.is_broadcast() || v4.octets()[0] == 0,
        IpAddr::V6(v6) => v6.is_unicast_link_local(),
    }
}
