//! Addresses of servers, as people write them.

use std::fmt;

use reqwest::Url;

/// Address of a server: scheme, host, port and path, without the `/v1` of its `OpenAI` routes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    text: String,
    url: Url,
}

/// Why an address cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidAddress {
    /// It is not a URL.
    #[error(
        "`{text}` is not an address of a server: {problem}\n\
         hint: write it as http://HOST:PORT"
    )]
    Malformed {
        /// The text.
        text: String,
        /// The problem.
        problem: String,
    },
    /// It contains a secret, which would be shown with the address.
    #[error(
        "the address of {host} contains a user name, a password or a query\n\
         hint: set the key with [server] api_key_env, anything else with [server] headers"
    )]
    Secret {
        /// The server.
        host: String,
    },
    /// Two addresses belong to the same server.
    #[error(
        "`{first}` and `{second}` are the same server\n\
         hint: list each server once; [server] concurrency sets its requests in flight"
    )]
    Twice {
        /// The first address.
        first: String,
        /// The second address.
        second: String,
    },
}

impl Address {
    /// Reads an address: with or without a scheme, with or without `/v1`.
    pub fn parse(text: &str) -> Result<Self, InvalidAddress> {
        let text = text.trim();
        let malformed = |problem: &str| InvalidAddress::Malformed {
            // The part before an @ may be a password.
            text: text.rsplit('@').next().unwrap_or(text).to_owned(),
            problem: problem.to_owned(),
        };
        let with_scheme =
            if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
        let mut url = Url::parse(&with_scheme).map_err(|error| malformed(&error.to_string()))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(malformed(&format!("`{}` is neither http nor https", url.scheme())));
        }
        let Some(host) = url.host_str() else { return Err(malformed("it names no host")) };
        let secret =
            !url.username().is_empty() || url.password().is_some() || url.query().is_some();
        if secret {
            return Err(InvalidAddress::Secret { host: host.to_owned() });
        }
        let path = url.path().trim_end_matches('/');
        let path = path.strip_suffix("/v1").unwrap_or(path).trim_end_matches('/').to_owned();
        url.set_path(&path);
        url.set_fragment(None);
        Ok(Self { text: url.as_str().trim_end_matches('/').to_owned(), url })
    }

    /// As it is written before a route.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether it is on this machine, which proxies must not be used for.
    pub fn is_loopback(&self) -> bool {
        match self.url.host_str() {
            Some("localhost" | "[::1]") => true,
            Some(host) => host.starts_with("127."),
            None => false,
        }
    }

    /// Whether it speaks TLS.
    pub fn is_encrypted(&self) -> bool {
        self.url.scheme() == "https"
    }

    /// Whether both belong to the same server. All names of this machine are the same.
    fn is_same(&self, other: &Self) -> bool {
        let host = |address: &Self| {
            let host =
                if address.is_loopback() { Some("localhost") } else { address.url.host_str() };
            host.map(str::to_owned)
        };
        let port = |address: &Self| address.url.port_or_known_default();
        host(self) == host(other)
            && port(self) == port(other)
            && self.url.path() == other.url.path()
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// The addresses, each of a different server.
pub fn distinct(texts: &[String]) -> Result<Vec<Address>, InvalidAddress> {
    let mut addresses: Vec<Address> = Vec::new();
    for (index, text) in texts.iter().enumerate() {
        let address = Address::parse(text)?;
        if let Some(known) = addresses.iter().position(|known| known.is_same(&address)) {
            let (first, second) = (addresses[known].to_string(), texts[index].trim().to_owned());
            return Err(InvalidAddress::Twice { first, second });
        }
        addresses.push(address);
    }
    Ok(addresses)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_understood_as_people_write_them() {
        for (text, expected) in [
            ("host:8000", "http://host:8000"),
            ("10.0.0.7:8000", "http://10.0.0.7:8000"),
            (" http://host:8000/ ", "http://host:8000"),
            ("http://host:8000/v1", "http://host:8000"),
            ("http://host:8000/v1/", "http://host:8000"),
            ("https://Gate.example/team/v1", "https://gate.example/team"),
            ("https://gate.example:443", "https://gate.example"),
            ("localhost", "http://localhost"),
        ] {
            assert_eq!(Address::parse(text).unwrap().as_str(), expected);
        }
    }

    #[test]
    fn what_is_no_address_is_said_without_its_secrets() {
        for (text, expected) in [
            ("ftp://host", "`ftp` is neither http nor https"),
            ("", "is not an address of a server"),
            ("http://host:port", "invalid port"),
            ("http://me:hunter2@host:8000", "the address of host contains a user name"),
            ("http://me:hunter2@host:port", "invalid port"),
            ("http://host/?key=hunter2", "the address of host contains a user name"),
        ] {
            let error = Address::parse(text).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
            assert!(!error.contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn the_same_server_twice_is_refused() {
        let check = |texts: &[&str]| {
            let texts: Vec<String> = texts.iter().map(|&text| text.to_owned()).collect();
            distinct(&texts)
        };
        let known = "http://host:8000";
        for again in ["host:8000", "http://HOST:8000/v1", "http://host:8000/"] {
            let error = check(&[known, "http://other:8000", again]).unwrap_err().to_string();
            assert!(error.contains("are the same server"), "{error}");
        }
        assert!(check(&["localhost:8000", "127.0.0.1:8000"]).is_err());
        assert_eq!(check(&[known, "host:8001", "http://host:8000/second"]).unwrap().len(), 3);
    }
}
