//! Places under attack and in normal use.

use super::*;

const SECOND: Duration = Duration::from_secs(1);

fn shares() -> Shares {
    // 100 places: 75 for strangers, 25 for one address, 50 for one network or a known address.
    Shares::of(100, &HttpLimits::default())
}

fn places(shares: Shares) -> Arc<Places> {
    Arc::new(Places::new(shares, vec!["10.9.0.0/16".parse().unwrap()].into()))
}

/// A listener's places, with the current time.
struct Hall {
    places: Arc<Places>,
    now: Instant,
}

impl Hall {
    fn new() -> Self {
        Self { places: places(shares()), now: Instant::now() }
    }

    fn enter(&self, address: &str) -> Result<Place, NoPlace> {
        self.places.admit(address.parse().unwrap(), 1, self.now)
    }

    fn fill(&self, count: usize, address: impl Fn(usize) -> String) -> Vec<Place> {
        (0..count).map(|number| self.enter(&address(number)).unwrap()).collect()
    }

    /// A connection that has shown a key.
    fn known(&self, address: &str) -> Place {
        let place = self.enter(address).unwrap();
        place.recognise(self.now);
        place
    }
}

fn at_work(place: &Place) {
    place.open.store(1, Ordering::Relaxed);
}

fn gone(places: &[Place]) -> Vec<usize> {
    let leaving = |(number, place): (usize, &Place)| place.leave.is_cancelled().then_some(number);
    places.iter().enumerate().filter_map(leaving).collect()
}

#[test]
fn one_address_has_its_share_and_its_oldest_idle_connection_goes() {
    let hall = Hall::new();
    let held = hall.fill(25, |_| "192.0.2.1".to_owned());
    at_work(&held[0]);
    let _more = hall.fill(2, |_| "192.0.2.1".to_owned());
    assert_eq!(gone(&held), [1, 2]);
    // Other addresses are not affected.
    let _other = hall.enter("192.0.2.2").unwrap();
    assert_eq!(gone(&held), [1, 2]);
}

#[test]
fn where_all_of_a_share_are_at_work_the_newcomer_is_turned_away() {
    let hall = Hall::new();
    let held = hall.fill(25, |_| "192.0.2.1".to_owned());
    held.iter().for_each(at_work);
    assert_eq!(hall.enter("192.0.2.1").unwrap_err(), NoPlace::Share);
    let _other = hall.enter("192.0.2.2").unwrap();
    drop(held);
    let _again = hall.enter("192.0.2.1").unwrap();
}

#[test]
fn one_network_has_its_share() {
    let addresses: [fn(usize) -> String; 3] = [
        |number| format!("192.0.2.{number}"),
        // IPv6 counts a /64 as one address, and a /48 as a network.
        |number| format!("2001:db8:1:{number:x}::1"),
        |number| format!("::ffff:192.0.2.{number}"),
    ];
    for address in addresses {
        let hall = Hall::new();
        let held = hall.fill(51, address);
        assert_eq!(gone(&held), [0]);
    }
    let hall = Hall::new();
    let held = hall.fill(26, |number| format!("2001:db8::{number:x}"));
    assert_eq!(gone(&held), [0]);
}

/// A part of the places is reserved for known callers, no matter how many addresses an attacker
/// has.
#[test]
fn strangers_from_everywhere_leave_known_callers_their_places() {
    let hall = Hall::new();
    let early = hall.known("198.51.100.7");
    drop(early);
    let held = hall.fill(75, |number| format!("203.0.{number}.1"));
    held.iter().for_each(at_work);
    assert_eq!(hall.enter("203.0.200.1").unwrap_err(), NoPlace::Full);
    let callers = hall.fill(25, |_| "198.51.100.7".to_owned());
    assert!(gone(&held).is_empty());
    callers.iter().for_each(|caller| {
        at_work(caller);
        caller.recognise(hall.now);
    });
    // If all places are taken, a known caller displaces a stranger, busy or not.
    let _one_more = hall.enter("198.51.100.7").unwrap();
    assert_eq!(gone(&held), [0]);
}

#[test]
fn an_idle_stranger_goes_before_one_at_work() {
    let hall = Hall::new();
    let held = hall.fill(75, |number| format!("203.0.{number}.1"));
    held.iter().enumerate().filter(|(number, _)| *number != 40).for_each(|(_, one)| at_work(one));
    let _one_more = hall.enter("203.0.200.1").unwrap();
    assert_eq!(gone(&held), [40]);
}

/// A known connection does not make room for strangers, nor for an address of equal size.
#[test]
fn known_callers_stay_and_the_larger_gives_way() {
    let hall = Hall::new();
    let large: Vec<_> = (0..50).map(|_| hall.known("198.51.100.1")).collect();
    // One address never gets all places.
    large.iter().for_each(at_work);
    assert_eq!(hall.enter("198.51.100.1").unwrap_err(), NoPlace::Share);
    large.iter().for_each(|one| one.open.store(0, Ordering::Relaxed));
    let rest: Vec<_> = (0..50).map(|_| hall.known("198.51.100.2")).collect();
    assert_eq!(hall.enter("192.0.2.1").unwrap_err(), NoPlace::Full);
    assert!(gone(&large).is_empty() && gone(&rest).is_empty());
    drop(hall.known("10.9.0.1"));
    assert_eq!((gone(&large), gone(&rest)), (vec![0], vec![]));
}

#[test]
fn an_address_is_known_for_a_while() {
    let mut hall = Hall::new();
    drop(hall.known("198.51.100.7"));
    let is_known = |hall: &Hall| {
        let place = hall.enter("198.51.100.7").unwrap();
        place.is_from_a_known_address(hall.now)
    };
    assert!(is_known(&hall));
    let for_ever = hall.known("198.51.100.8");
    hall.now += Duration::from_secs(3601);
    assert!(!is_known(&hall));
    // An address stays known as long as it has a known connection.
    assert!(for_ever.is_from_a_known_address(hall.now));
}

/// A proxy stands for many clients: shares and budgets of one address do not apply to it.
#[test]
fn a_proxy_is_not_one_address() {
    let hall = Hall::new();
    let held = hall.fill(100, |_| "10.9.1.1".to_owned());
    assert!(gone(&held).is_empty());
    assert_eq!(held[0].spend(u32::MAX, hall.now), None);
    let _one_more = hall.enter("10.9.1.1").unwrap();
    assert_eq!(gone(&held), [0]);
}

#[test]
fn an_address_that_costs_too_much_is_turned_away_until_it_has_paid() {
    let mut hall = Hall::new();
    let place = hall.enter("192.0.2.1").unwrap();
    assert_eq!(place.spend(3_999, hall.now), Some(true));
    assert_eq!(place.spend(1, hall.now), Some(false));
    assert_eq!(hall.enter("192.0.2.1").unwrap_err(), NoPlace::Budget);
    let _other = hall.enter("192.0.2.2").unwrap();
    // A known caller at the same address may connect, to show its key.
    place.recognise(hall.now);
    let _caller = hall.enter("192.0.2.1").unwrap();
    hall.now += SECOND;
    assert_eq!(place.spend(900, hall.now), Some(true));
}

/// Random histories: the counts always match the open connections.
#[test]
fn nothing_is_counted_twice_or_for_ever() {
    let mut hall = Hall::new();
    let mut random = 7_u64;
    let mut next = |below: u64| {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (random >> 33) % below
    };
    let mut held: Vec<Place> = Vec::new();
    for _ in 0..20_000 {
        match next(8) {
            0..4 => {
                let address = format!("192.0.{}.{}", next(3), next(5));
                held.extend(hall.enter(&address).ok());
            }
            4 if !held.is_empty() => {
                let which = usize::try_from(next(held.len() as u64)).unwrap();
                held[which].recognise(hall.now);
            }
            5 if !held.is_empty() => {
                let which = usize::try_from(next(held.len() as u64)).unwrap();
                held[which].open.store(usize::try_from(next(2)).unwrap(), Ordering::Relaxed);
            }
            6 => hall.now += SECOND / 10,
            _ if !held.is_empty() => {
                drop(held.swap_remove(usize::try_from(next(held.len() as u64)).unwrap()));
            }
            _ => {}
        }
        let table = hall.places.lock();
        let leaving = held.iter().filter(|place| place.leave.is_cancelled()).count();
        assert_eq!(table.seats.len() + leaving, held.len());
        assert_eq!(table.leaving, leaving);
        assert!(table.seats.len() <= 100);
        assert_eq!(table.strangers.len() + table.known.len(), table.seats.len());
        let hosts = table.hosts.values();
        let (strangers, known) = hosts.fold((0, 0), |(strangers, known), host| {
            (strangers + host.strangers.len(), known + host.known.len())
        });
        assert_eq!((strangers, known), (table.strangers.len(), table.known.len()));
        assert!(table.networks.values().map(BTreeSet::len).sum::<usize>() == strangers);
    }
    drop(held);
    let table = hall.places.lock();
    assert!(table.seats.is_empty() && table.networks.is_empty() && table.leaving == 0);
}

#[test]
fn addresses_are_forgotten_when_there_are_many() {
    let mut hall = Hall::new();
    drop(hall.known("198.51.100.7"));
    for number in 0..limits::ADDRESSES_MAX {
        let [_, _, a, b] = u32::try_from(number).unwrap().to_be_bytes();
        drop(hall.enter(&format!("100.{a}.{b}.1")).unwrap());
        assert!(hall.places.lock().hosts.len() <= limits::ADDRESSES_MAX);
        hall.now += Duration::from_millis(1);
    }
    let place = hall.enter("198.51.100.7").unwrap();
    assert!(place.is_from_a_known_address(hall.now));
    assert!(hall.places.lock().hosts.len() < limits::ADDRESSES_MAX);
}

#[tokio::test]
async fn accepting_waits_for_those_who_must_go() {
    let hall = Hall::new();
    let mut held = hall.fill(100, |_| "10.9.1.1".to_owned());
    let _more = hall.fill(limits::LEAVING_MAX + 1, |_| "10.9.1.1".to_owned());
    let settled = hall.places.settled();
    tokio::pin!(settled);
    let pending = futures_util::poll!(settled.as_mut()).is_pending();
    assert!(pending);
    drop(held.remove(0));
    settled.await;
}
