//! Which addresses a user may make the hub call: public ones, over TLS.
//!
//! Without this, an address entered as "my compatible server" could reach what only this machine can: a router, the
//! cloud's metadata, a neighbour in the same network. The name is checked when it is entered, and what it resolves to
//! each time a connection is opened (see [`crate::http`]), because a name can be pointed elsewhere afterwards.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use url::{Host, Url};

/// The longest address that is taken.
const LONGEST: usize = 2_000;

/// Why an address is not taken. It does not repeat the address, which may hold a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// It is no address of the web.
    #[error("this is no web address")]
    NotAnAddress,
    /// It is longer than 2,000 bytes.
    #[error("the address is longer than 2,000 characters")]
    TooLong,
    /// It is not https.
    #[error("the address has to begin with https://")]
    NotHttps,
    /// It holds a user or a password.
    #[error("the address must not hold a user or a password")]
    HoldsCredentials,
    /// It holds a fragment.
    #[error("the address must not hold a fragment (#…)")]
    HoldsFragment,
    /// It names this machine or a private network.
    #[error("the address is private; the operator can allow that with ALLOW_PRIVATE_ADDRESSES")]
    Private,
}

/// Checks an address that a user entered, or that is about to be called because a user entered it.
///
/// With `allow_private` (`ALLOW_PRIVATE_ADDRESSES`) http and private addresses pass too. A name's addresses are not
/// looked up here; the client for users' addresses refuses private ones when it connects.
///
/// # Errors
///
/// What is wrong with it, for people.
pub fn check_user_url(text: &str, allow_private: bool) -> Result<Url, AddressError> {
    let text = text.trim();
    if text.len() > LONGEST {
        return Err(AddressError::TooLong);
    }
    let url = Url::parse(text).map_err(|_| AddressError::NotAnAddress)?;
    match url.scheme() {
        "https" => {}
        "http" if allow_private => {}
        "http" => return Err(AddressError::NotHttps),
        _ => return Err(AddressError::NotAnAddress),
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(AddressError::HoldsCredentials);
    }
    if url.fragment().is_some() {
        return Err(AddressError::HoldsFragment);
    }
    let is_public_host = match url.host() {
        Some(Host::Domain(name)) => is_public_name(name),
        Some(Host::Ipv4(address)) => is_public_v4(address),
        Some(Host::Ipv6(address)) => is_public_v6(address),
        None => return Err(AddressError::NotAnAddress),
    };
    if is_public_host || allow_private {
        Ok(url)
    } else {
        Err(AddressError::Private)
    }
}

/// Says whether an address belongs to a host on the public internet.
///
/// Source: the registries of special addresses, <https://www.iana.org/assignments/iana-ipv4-special-registry> and
/// <https://www.iana.org/assignments/iana-ipv6-special-registry>.
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

/// Names that never mean a host on the internet: RFC 6761 (localhost), RFC 6762 (local), RFC 8375 (home.arpa) and the
/// clouds' habit (internal).
fn is_public_name(name: &str) -> bool {
    let name = name.trim_end_matches('.').to_ascii_lowercase();
    let last = name.rsplit('.').next().unwrap_or_default();
    !name.is_empty()
        && !matches!(
            last,
            "localhost" | "local" | "internal" | "lan" | "intranet"
        )
        && name != "home.arpa"
        && !name.ends_with(".home.arpa")
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let is_special = address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_multicast()
        || address.is_documentation()
        || a == 0 // "this network", 0.0.0.0 among it
        || (a == 100 && (64..128).contains(&b)) // shared by carriers' customers (CGNAT)
        || (a == 192 && b == 0 && c == 0) // protocol assignments
        || (a == 192 && b == 88 && c == 99) // 6to4 relays, withdrawn
        || (a == 198 && (18..20).contains(&b)) // benchmarks
        || a >= 240; // reserved, broadcast among it
    !is_special
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let segments = address.segments();
    if let Some(v4) = embedded_v4(segments) {
        return is_public_v4(v4);
    }
    let is_special = match segments[0] {
        0x2001 => segments[1] < 0x200 || segments[1] == 0xdb8, // protocols (Teredo among them); documentation
        0x2002 => true,                                        // 6to4: an IPv4 address in disguise
        0x3fff => segments[1] < 0x1000,                        // documentation
        _ => false,
    };
    // Only 2000::/3 is handed out; loopback, link-local, unique local and multicast lie outside of it.
    segments[0] & 0xe000 == 0x2000 && !is_special
}

/// The IPv4 address inside of `::ffff:a.b.c.d` (mapped) and `64:ff9b::a.b.c.d` (NAT64, RFC 6052).
fn embedded_v4(segments: [u16; 8]) -> Option<Ipv4Addr> {
    match segments {
        [0, 0, 0, 0, 0, 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => {
            let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
            Some(Ipv4Addr::new(a, b, c, d))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn public_addresses_over_tls_are_taken() {
        for text in [
            "https://music.example.org",
            "https://music.example.org:8443/apis/listenbrainz?key=1",
            "https://8.8.8.8/",
            "https://[2606:4700::1111]/",
            " https://xn--bcher-kva.example ",
        ] {
            assert!(check_user_url(text, false).is_ok(), "{text}");
        }
    }

    #[test]
    fn private_addresses_are_refused_however_they_are_spelled_unless_they_are_allowed() {
        for text in [
            "https://localhost",
            "https://LOCALHOST.:8080",
            "https://a.localhost",
            "https://nas.local",
            "https://router.home.arpa",
            "https://metadata.google.internal",
            "https://127.0.0.1",
            "https://127.1",
            "https://2130706433",
            "https://0x7f.0.0.1",
            "https://0177.0.0.1",
            "https://0.0.0.0",
            "https://10.0.0.1",
            "https://172.31.255.255",
            "https://192.168.1.1",
            "https://169.254.169.254/latest/meta-data",
            "https://100.64.0.1",
            "https://198.18.0.1",
            "https://192.0.0.8",
            "https://224.0.0.1",
            "https://255.255.255.255",
            "https://[::]",
            "https://[::1]",
            "https://[::ffff:127.0.0.1]",
            "https://[::ffff:a9fe:a9fe]",
            "https://[::127.0.0.1]",
            "https://[64:ff9b::10.0.0.1]",
            "https://[fe80::1]",
            "https://[fc00::1]",
            "https://[fd00:ec2::254]",
            "https://[ff02::1]",
            "https://[2001::1]",
            "https://[2001:db8::1]",
            "https://[2002:7f00:1::]",
            "https://[3fff:fff::1]",
        ] {
            assert_eq!(
                check_user_url(text, false),
                Err(AddressError::Private),
                "{text}"
            );
            assert!(check_user_url(text, true).is_ok(), "{text}");
        }
    }

    #[test]
    fn neighbours_of_private_ranges_are_public() {
        for text in [
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "172.15.255.255",
            "172.32.0.0",
            "192.167.255.255",
            "192.0.1.0",
            "198.17.255.255",
            "198.20.0.0",
            "223.255.255.255",
            "::ffff:8.8.8.8",
            "64:ff9b::8.8.8.8",
            "2001:200::1",
        ] {
            assert!(is_public(text.parse().unwrap()), "{text}");
        }
    }

    #[test]
    fn what_is_no_plain_web_address_is_refused_even_where_private_ones_are_allowed() {
        for (text, error) in [
            ("", AddressError::NotAnAddress),
            ("music.example.org", AddressError::NotAnAddress),
            ("ftp://music.example.org", AddressError::NotAnAddress),
            ("file:///etc/passwd", AddressError::NotAnAddress),
            ("https://", AddressError::NotAnAddress),
            (
                "https://user@music.example.org",
                AddressError::HoldsCredentials,
            ),
            (
                "https://:word@music.example.org",
                AddressError::HoldsCredentials,
            ),
            (
                "https://music.example.org/#part",
                AddressError::HoldsFragment,
            ),
        ] {
            assert_eq!(check_user_url(text, true), Err(error), "{text}");
        }
        let long = format!("https://music.example.org/{}", "a".repeat(2_000));
        assert_eq!(check_user_url(&long, true), Err(AddressError::TooLong));
    }

    #[test]
    fn http_is_only_for_where_private_addresses_are_allowed() {
        let text = "http://127.0.0.1:4110";
        assert_eq!(check_user_url(text, false), Err(AddressError::NotHttps));
        assert!(check_user_url(text, true).is_ok());
    }
}
