//! Rendezvous: where ranks find each other.

/// The rendezvous of a group: where its ranks find each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Meeting {
    /// The host of rank 0, or of a launcher that keeps the store.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// Whether a launcher runs the store. If not, rank 0 does.
    pub kept: bool,
    /// Prefix of the group's keys in the store.
    pub prefix: String,
}

impl Meeting {
    /// A rendezvous at rank 0.
    pub fn at(host: &str, port: u16) -> Self {
        Self { host: host.into(), port, kept: false, prefix: "retrial".into() }
    }
}
