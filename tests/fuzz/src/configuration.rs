//! A configuration, and `--set` overrides, a line each.

use retrial_config::{Config, difference};

use crate::folder::with_files;
use crate::input::parts;

/// An accepted configuration survives a round trip through JSON: the settings in the log, by which a run
/// is resumed, and the objective and the optimizer as sent to the trainer.
pub fn configuration(input: &[u8]) -> bool {
    let (text, overrides) = parts(input);
    let overrides = String::from_utf8_lossy(overrides);
    let overrides: Vec<String> = overrides.lines().map(str::to_owned).collect();
    with_files(&[("run.toml", text)], |folder| {
        let Ok(config) = Config::load(&folder.join("run.toml"), &overrides) else { return false };
        let written = serde_json::to_string(&config).expect("a configuration is plain data");
        let read: Config = serde_json::from_str(&written).expect("what was written can be read");
        assert_eq!(read, config);
        let settings = config.settings();
        assert_eq!(difference(&settings, &Config::completed(read.settings())), "");
        true
    })
}
