//! Who is inside: how many in all, and how many from one address.
//!
//! It exists so that one hostile address cannot take every place; the same count serves connections, request bodies and event
//! streams. *Invariant:* its memory is bounded by those inside; who leaves is forgotten, also when the visit panics.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A room with room for so many.
#[derive(Debug)]
pub struct Crowd {
    most: usize,
    most_per_address: usize,
    /// Held for a look-up and a count, never across an await.
    inside: Mutex<Inside>,
}

#[derive(Debug, Default)]
struct Inside {
    all: usize,
    by_address: HashMap<IpAddr, usize>,
}

/// Why somebody must wait outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Full {
    /// Nobody fits in at the moment.
    All,
    /// This address has its share.
    Address,
}

/// A place inside, given back when dropped.
#[derive(Debug)]
pub struct Seat {
    crowd: Arc<Crowd>,
    address: Option<IpAddr>,
}

impl Crowd {
    /// An empty room for `most` in all and `most_per_address` from one address.
    #[must_use]
    pub fn new(most: usize, most_per_address: usize) -> Arc<Self> {
        Arc::new(Self { most, most_per_address, inside: Mutex::default() })
    }

    /// Lets somebody in, or says why not. Without an address only the room itself sets a limit.
    pub fn enter(self: &Arc<Self>, address: Option<IpAddr>) -> Result<Seat, Full> {
        let address = address.map(household);
        let mut inside = self.inside();
        if inside.all >= self.most {
            return Err(Full::All);
        }
        if let Some(address) = address {
            let here = inside.by_address.get(&address).copied().unwrap_or(0);
            if here >= self.most_per_address {
                return Err(Full::Address);
            }
            inside.by_address.insert(address, here + 1);
        }
        inside.all += 1;
        drop(inside);
        Ok(Seat { crowd: Arc::clone(self), address })
    }

    /// How many are inside.
    #[must_use]
    pub fn len(&self) -> usize {
        self.inside().all
    }

    /// Whether nobody is.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn inside(&self) -> MutexGuard<'_, Inside> {
        // Counting cannot panic half way; what stands there is whole.
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut inside = self.crowd.inside();
        inside.all = inside.all.saturating_sub(1);
        if let Some(address) = self.address
            && let Some(here) = inside.by_address.get_mut(&address)
        {
            *here -= 1;
            if *here == 0 {
                inside.by_address.remove(&address);
            }
        }
    }
}

/// Everybody behind one line: an IPv6 customer holds a whole /64 (RFC 6177), and may speak IPv4 in IPv6 clothes.
fn household(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX))),
        plain @ IpAddr::V4(_) => plain,
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn at(text: &str) -> Option<IpAddr> {
        Some(text.parse().unwrap())
    }

    #[test]
    fn one_address_never_takes_the_places_of_others_and_leaves_no_trace() {
        let crowd = Crowd::new(4, 2);
        let hostile: Vec<_> = (0..10).map(|_| crowd.enter(at("192.0.2.1"))).collect();
        assert_eq!(hostile.iter().filter(|seat| seat.is_ok()).count(), 2);
        assert_eq!(hostile.last().unwrap().as_ref().unwrap_err(), &Full::Address);
        let others = (crowd.enter(at("192.0.2.2")).unwrap(), crowd.enter(None).unwrap());
        assert_eq!(crowd.enter(at("192.0.2.3")).unwrap_err(), Full::All);
        assert_eq!(crowd.len(), 4);
        drop((hostile, others));
        assert!(crowd.is_empty() && crowd.inside().by_address.is_empty());
    }

    #[test]
    fn a_line_is_one_address_however_many_it_makes_up() {
        let crowd = Crowd::new(10, 1);
        let _first = crowd.enter(at("2001:db8:0:1::1")).unwrap();
        assert_eq!(crowd.enter(at("2001:db8:0:1:ffff::2")).unwrap_err(), Full::Address);
        let _neighbour = crowd.enter(at("2001:db8:0:2::1")).unwrap();
        let _plain = crowd.enter(at("192.0.2.1")).unwrap();
        assert_eq!(crowd.enter(at("::ffff:192.0.2.1")).unwrap_err(), Full::Address);
    }
}
