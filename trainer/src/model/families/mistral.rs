//! Mistral: a Llama whose layers may all have a window.

use super::family::{Family, PLAIN, set_windows};

pub const FAMILY: Family = Family {
    name: "mistral",
    differ: |raw, config| {
        // `null` switches the window off; a configuration without the key means 4096.
        let window = match raw.other.get("sliding_window") {
            None => Some(4096),
            Some(window) => window.as_i64(),
        };
        let windows = vec![window; config.layers];
        set_windows(config, windows);
        Ok(())
    },
    ..PLAIN
};
