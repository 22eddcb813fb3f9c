//! Where ranks find each other.

/// Where the ranks of a group find each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Meeting {
    /// The host of rank 0, or of a launcher that keeps the store.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// Whether a launcher keeps the store. If not, rank 0 does.
    pub kept: bool,
    /// What the group's keys in the store begin with.
    pub prefix: String,
}

impl Meeting {
    /// A meeting at rank 0.
    pub fn at(host: &str, port: u16) -> Self {
        Self { host: host.into(), port, kept: false, prefix: "retrial".into() }
    }
}
