//! Decides which resolved addresses a destination may have.
//!
//! A name server could answer with an address inside the machine or next to it: the loopback
//! interface, where the operator's own listener is, or the cloud's metadata service. A name is not
//! enough for these addresses; they are dialed only if the operator listed the address itself.

use std::net::IpAddr;

use crate::destination::{Destination, Host};

/// Returns true if `address`, resolved or listed, may be dialed for `destination`.
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

/// Returns true for addresses that reach no other machine, all machines, or services of the link.
fn is_special(address: IpAddr) -> bool {
    if address.is_unspecified() || address.is_multicast() {
        return true;
    }
    match address {
        IpAddr::V4(v4) => v4.is_link_local() || v4.is_broadcast() || v4.octets()[0] == 0,
        IpAddr::V6(v6) => v6.is_unicast_link_local(),
    }
}
