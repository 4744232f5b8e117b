//! The places of a listener (its open connections): decides which connections may enter, and which
//! must leave to make room.
//!
//! A connection is a *stranger's* until one of its requests had a valid key or token. Strangers may
//! use only a part of the places, and one address or one network only a part of these. The rest is
//! reserved for addresses that recently showed a key. To make room, the idle stranger that
//! connected first is closed. The time is an argument.

use std::{
    collections::{BTreeSet, HashMap},
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use parking_lot::{Mutex, MutexGuard};
use policy::network::IpRule;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::budget::{Budget, Rate};
use crate::{config::HttpLimits, limits};

/// Number of connections for each group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Shares {
    /// All connections.
    most: usize,
    /// Strangers from unknown addresses.
    strangers: usize,
    /// One unknown address.
    address: usize,
    /// All unknown addresses of one network.
    network: usize,
    /// One known address.
    known_address: usize,
    /// Time for which an address stays known.
    known_for: Duration,
    /// Rate of points for one address.
    rate: Rate,
}

/// The table of places.
#[derive(Debug)]
pub(super) struct Places {
    shares: Shares,
    proxies: Arc<[IpRule]>,
    table: Mutex<Table>,
    ended: Notify,
}

/// An assigned place; dropping it frees the place.
#[derive(Debug)]
pub(super) struct Place {
    places: Arc<Places>,
    number: u64,
    from: Option<From>,
    /// Whether another connection had to leave for it.
    pub(super) made_room: bool,
    /// Number of requests in progress.
    pub(super) open: Arc<AtomicUsize>,
    /// Cancelled when another connection needs the place.
    pub(super) leave: CancellationToken,
}

/// The reason why there is no place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoPlace {
    /// The address or its network already has its share.
    Share,
    /// All places are taken by connections with requests in progress.
    Full,
    /// The address caused too much work without a key.
    Budget,
}

/// The origin of a connection: its address and the network of that address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct From {
    host: u128,
    network: u128,
}

#[derive(Debug, Default)]
struct Table {
    next: u64,
    seats: HashMap<u64, Seat>,
    strangers: BTreeSet<u64>,
    known: BTreeSet<u64>,
    /// Number of connections that were asked to leave and are still open.
    leaving: usize,
    hosts: HashMap<u128, Host>,
    networks: HashMap<u128, BTreeSet<u64>>,
}

#[derive(Debug)]
struct Seat {
    from: Option<From>,
    open: Arc<AtomicUsize>,
    leave: CancellationToken,
}

#[derive(Debug)]
struct Host {
    strangers: BTreeSet<u64>,
    known: BTreeSet<u64>,
    known_until: Option<Instant>,
    budget: Budget,
}

impl Shares {
    /// Divides `most` places.
    pub(super) fn of(most: usize, limits: &HttpLimits) -> Self {
        let part = |percent: usize| (most.saturating_mul(percent) / 100).clamp(1, most.max(1));
        Self {
            most,
            strangers: part(100_usize.saturating_sub(limits.connections_known_percent)),
            address: part(limits.connections_address_percent),
            network: part(limits.connections_network_percent),
            known_address: part(50.max(limits.connections_address_percent)),
            known_for: Duration::from_secs(limits.known_address_s),
            rate: Rate { per_second: limits.address_points_per_second },
        }
    }

    pub(super) fn rate(&self) -> Rate {
        self.rate
    }
}

impl From {
    /// IPv4: the address and its /24. IPv6: the /64, the smallest assignment to one customer, and
    /// the /48.
    fn of(address: IpAddr) -> Self {
        let bits = |address: std::net::Ipv6Addr| u128::from_be_bytes(address.octets());
        match address.to_canonical() {
            IpAddr::V4(v4) => {
                let host = bits(v4.to_ipv6_mapped());
                Self { host, network: host & (u128::MAX << 8) }
            }
            IpAddr::V6(v6) => {
                let whole = bits(v6);
                Self { host: whole & (u128::MAX << 64), network: whole & (u128::MAX << 80) }
            }
        }
    }
}

impl Places {
    pub(super) fn new(shares: Shares, proxies: Arc<[IpRule]>) -> Self {
        Self { shares, proxies, table: Mutex::default(), ended: Notify::new() }
    }

    /// Gives a place to a connection from `address` that costs `points`, if necessary by closing
    /// another connection.
    pub(super) fn admit(
        self: &Arc<Self>,
        address: IpAddr,
        points: u32,
        now: Instant,
    ) -> Result<Place, NoPlace> {
        let mut table = self.lock();
        table.tidy(&self.shares, now);
        // A proxy stands for many clients: it is not a stranger and has no share.
        let from =
            (!self.proxies.iter().any(|proxy| proxy.holds(address))).then(|| From::of(address));
        let known = from.is_none_or(|from| table.is_known(from.host, now));
        let leaving = table.leaving;
        if let Some(from) = from {
            if !known && !table.host(from.host, now).budget.spend(points, self.shares.rate, now) {
                return Err(NoPlace::Budget);
            }
            table.keep_to_share(from, known, &self.shares)?;
        }
        table.make_room(from, known, &self.shares)?;
        let place = Place {
            places: Arc::clone(self),
            number: table.next,
            from,
            made_room: table.leaving > leaving,
            open: Arc::default(),
            leave: CancellationToken::new(),
        };
        table.sit(&place, now);
        Ok(place)
    }

    /// Waits until nearly all closing connections are gone: until then their descriptors are open.
    pub(super) async fn settled(&self) {
        while self.lock().leaving > limits::LEAVING_MAX {
            self.ended.notified().await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        // Each change of the table is complete in itself, so a panic elsewhere leaves it
        // consistent.
        self.table.lock()
    }
}

impl Place {
    /// Marks the connection as known, and its address for a while.
    pub(super) fn recognise(&self, now: Instant) {
        let mut table = self.places.lock();
        let newly = table.strangers.remove(&self.number);
        if newly {
            table.known.insert(self.number);
        }
        let Some(from) = self.from else { return };
        table.leave_network(from, self.number);
        let host = table.host(from.host, now);
        host.strangers.remove(&self.number);
        if newly {
            host.known.insert(self.number);
        }
        host.known_until = Some(now + self.places.shares.known_for);
    }

    /// Spends points of a stranger's address, and returns whether there were enough. `None` for
    /// connections from a proxy.
    pub(super) fn spend(&self, points: u32, now: Instant) -> Option<bool> {
        let from = self.from?;
        let rate = self.places.shares.rate;
        Some(self.places.lock().host(from.host, now).budget.spend(points, rate, now))
    }

    /// Whether the address recently showed a key, on this connection or another.
    pub(super) fn is_from_a_known_address(&self, now: Instant) -> bool {
        self.from.is_none_or(|from| self.places.lock().is_known(from.host, now))
    }

    pub(super) fn shares(&self) -> &Shares {
        &self.places.shares
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut table = self.places.lock();
        if table.seats.contains_key(&self.number) {
            table.stand_up(self.number);
        } else {
            table.leaving = table.leaving.saturating_sub(1);
        }
        drop(table);
        self.places.ended.notify_one();
    }
}

impl Table {
    fn is_known(&self, host: u128, now: Instant) -> bool {
        let lately = |host: &Host| host.known_until.is_some_and(|until| now < until);
        self.hosts.get(&host).is_some_and(|host| !host.known.is_empty() || lately(host))
    }

    fn host(&mut self, host: u128, now: Instant) -> &mut Host {
        self.hosts.entry(host).or_insert_with(|| Host {
            strangers: BTreeSet::new(),
            known: BTreeSet::new(),
            known_until: None,
            budget: Budget::new(now),
        })
    }

    /// Ensures that one more connection stays within its address's and network's share.
    fn keep_to_share(&mut self, from: From, known: bool, shares: &Shares) -> Result<(), NoPlace> {
        let most = if known { shares.known_address } else { shares.address };
        if let Some(host) = self.hosts.get(&from.host)
            && host.strangers.len() + host.known.len() >= most
        {
            let idle = self.idle(&host.strangers).or_else(|| self.idle(&host.known));
            self.send_away(idle.ok_or(NoPlace::Share)?);
        }
        let in_network = self.networks.get(&from.network);
        if !known && in_network.is_some_and(|strangers| strangers.len() >= shares.network) {
            let idle = in_network.and_then(|strangers| self.idle(strangers));
            self.send_away(idle.ok_or(NoPlace::Share)?);
        }
        Ok(())
    }

    /// Ensures that there is a place for one more connection.
    fn make_room(
        &mut self,
        from: Option<From>,
        known: bool,
        shares: &Shares,
    ) -> Result<(), NoPlace> {
        if !known && self.strangers.len() >= shares.strangers {
            let idle = self.idle(&self.strangers);
            self.send_away(idle.ok_or(NoPlace::Full)?);
        }
        if self.seats.len() >= shares.most {
            let goes = self.idle(&self.strangers);
            // A known caller displaces a busy stranger, or else an idle connection of an address
            // with more connections.
            let goes = goes.or_else(|| known.then(|| self.strangers.first().copied())?);
            let goes = goes.or_else(|| known.then(|| self.idle_of_a_larger(from))?);
            self.send_away(goes.ok_or(NoPlace::Full)?);
        }
        Ok(())
    }

    /// Returns the oldest idle connection of `numbers`.
    fn idle(&self, numbers: &BTreeSet<u64>) -> Option<u64> {
        let is_idle = |number: &&u64| {
            self.seats.get(number).is_some_and(|seat| seat.open.load(Ordering::Relaxed) == 0)
        };
        numbers.iter().take(limits::SEARCHED_MAX).find(is_idle).copied()
    }

    /// Returns an idle known connection of an address that has more than the newcomer's address.
    fn idle_of_a_larger(&self, from: Option<From>) -> Option<u64> {
        let held = |from: Option<From>| {
            from.and_then(|from| self.hosts.get(&from.host)).map_or(0, |host| host.known.len())
        };
        let own = held(from);
        let fits = |number: &&u64| {
            self.seats.get(number).is_some_and(|seat| {
                seat.open.load(Ordering::Relaxed) == 0 && held(seat.from) > own + 1
            })
        };
        self.known.iter().take(limits::SEARCHED_MAX).find(fits).copied()
    }

    fn sit(&mut self, place: &Place, now: Instant) {
        self.next += 1;
        self.strangers.insert(place.number);
        if let Some(from) = place.from {
            self.networks.entry(from.network).or_default().insert(place.number);
            self.host(from.host, now).strangers.insert(place.number);
        }
        let (open, leave) = (Arc::clone(&place.open), place.leave.clone());
        self.seats.insert(place.number, Seat { from: place.from, open, leave });
    }

    fn send_away(&mut self, number: u64) {
        if let Some(seat) = self.stand_up(number) {
            seat.leave.cancel();
            self.leaving += 1;
        }
    }

    fn stand_up(&mut self, number: u64) -> Option<Seat> {
        let seat = self.seats.remove(&number)?;
        self.known.remove(&number);
        self.strangers.remove(&number);
        if let Some(from) = seat.from {
            self.leave_network(from, number);
            if let Some(host) = self.hosts.get_mut(&from.host) {
                host.strangers.remove(&number);
                host.known.remove(&number);
            }
        }
        Some(seat)
    }

    fn leave_network(&mut self, from: From, number: u64) {
        if let Some(strangers) = self.networks.get_mut(&from.network) {
            strangers.remove(&number);
            if strangers.is_empty() {
                self.networks.remove(&from.network);
            }
        }
    }

    /// Removes addresses without any state worth storing, once there are many.
    fn tidy(&mut self, shares: &Shares, now: Instant) {
        if self.hosts.len() < limits::ADDRESSES_MAX {
            return;
        }
        let present = |host: &Host| !host.known.is_empty() || !host.strangers.is_empty();
        let lately = |host: &Host| host.known_until.is_some_and(|until| now < until);
        self.hosts.retain(|_, host| {
            present(host) || lately(host) || !host.budget.is_whole(shares.rate, now)
        });
        if self.hosts.len() > limits::ADDRESSES_MAX / 2 {
            self.hosts.retain(|_, host| present(host) || lately(host));
        }
        // More addresses than in normal use: only those with open connections stay known.
        if self.hosts.len() > limits::ADDRESSES_MAX / 2 {
            self.hosts.retain(|_, host| present(host));
        }
    }
}

#[cfg(test)]
mod tests;
