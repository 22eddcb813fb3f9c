//! The client against a small fake hub: cache, redirects, broken connections, errors.

mod stand_in;
mod upload;

use std::path::Path;
use std::sync::Mutex;
use std::time::Duration;

use retrial_hub::{Hub, HubError, Progress, Repo, Settings, Token, is_model_file, silent, wait};
use stand_in::{BYTES, COMMIT, ETAG, StandIn};

fn settings(endpoint: &str, cache: &Path) -> Settings {
    Settings {
        endpoint: endpoint.into(),
        cache: cache.into(),
        token: None,
        offline: false,
        pause: Duration::from_millis(1),
    }
}

fn repo() -> Repo {
    Repo::dataset("ann/sums").unwrap()
}

/// Downloads one file, and returns its commit.
fn take(settings: &Settings, repo: &Repo, file: &str) -> Result<(String, Vec<u8>), HubError> {
    let hub = Hub::new(settings.clone())?;
    wait(async {
        let snapshot = hub.open(repo).await?;
        let path = hub.file(&snapshot, file, &silent()).await?;
        Ok((snapshot.commit().to_owned(), std::fs::read(path).unwrap()))
    })
}

#[test]
fn a_file_lies_in_the_cache_as_python_lays_it() {
    let (hub, folder) = (StandIn::start(), tempfile::tempdir().unwrap());
    let settings = settings(&hub.url, folder.path());
    let (commit, bytes) = take(&settings, &repo(), "data/large.bin").unwrap();
    assert_eq!((commit.as_str(), bytes.as_slice()), (COMMIT, BYTES));
    let root = folder.path().join("datasets--ann--sums");
    assert_eq!(std::fs::read_to_string(root.join("refs/main")).unwrap(), COMMIT);
    let link = root.join("snapshots").join(COMMIT).join("data/large.bin");
    assert_eq!(std::fs::read_link(&link).unwrap(), Path::new("../../../blobs").join(ETAG));
    assert_eq!(std::fs::read(root.join("blobs").join(ETAG)).unwrap(), BYTES);
    let blobs = std::fs::read_dir(root.join("blobs")).unwrap().count();
    assert_eq!(blobs, 1, "nothing unfinished is left");
    // The second time nothing is downloaded.
    let before = hub.downloads();
    take(&settings, &repo(), "data/large.bin").unwrap();
    assert_eq!(hub.downloads(), before);
}

#[test]
fn what_python_downloaded_is_found_without_a_hub() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("models--ann--tiny");
    for part in ["refs", "blobs", "snapshots/c0ffee/sub"] {
        std::fs::create_dir_all(root.join(part)).unwrap();
    }
    std::fs::write(root.join("refs/main"), "c0ffee").unwrap();
    std::fs::write(root.join("blobs/1234"), "{}").unwrap();
    let link = root.join("snapshots/c0ffee/sub/config.json");
    std::os::unix::fs::symlink("../../../blobs/1234", link).unwrap();
    let model = Repo::model("ann/tiny").unwrap();
    for offline in [true, false] {
        // Nobody listens on port 9 of this machine.
        let settings = Settings { offline, ..settings("http://127.0.0.1:9", folder.path()) };
        let (commit, bytes) = take(&settings, &model, "sub/config.json").unwrap();
        assert_eq!((commit.as_str(), bytes.as_slice()), ("c0ffee", b"{}".as_slice()));
        let error = take(&settings, &model, "model.safetensors").unwrap_err();
        let said = match &error {
            HubError::Offline { .. } => true,
            HubError::Unreachable { .. } => false,
            other => panic!("{other}"),
        };
        assert_eq!(said, offline, "{error}");
        let other = take(&settings, &repo(), "a").unwrap_err().to_string();
        assert!(other.contains("ann/sums") && other.contains("hint:"), "{other}");
    }
    let hub = Hub::new(settings("http://127.0.0.1:9", folder.path())).unwrap();
    let snapshot = wait(hub.open(&model)).unwrap();
    assert!(snapshot.is_from_cache());
    assert_eq!(snapshot.entries()[0].path, "sub/config.json");
}

#[test]
fn a_download_goes_on_where_it_broke_off() {
    let (hub, folder) = (StandIn::start(), tempfile::tempdir().unwrap());
    hub.break_next(3);
    let settings = settings(&hub.url, folder.path());
    let client = Hub::new(settings).unwrap();
    let seen: Mutex<Vec<u64>> = Mutex::new(Vec::new());
    let path = wait(async {
        let snapshot = client.open(&repo()).await?;
        let watch = |progress: Progress<'_>| {
            assert_eq!((progress.file, progress.total), ("data/large.bin", BYTES.len() as u64));
            seen.lock().unwrap().push(progress.done);
        };
        client.file(&snapshot, "data/large.bin", &watch).await
    });
    assert_eq!(std::fs::read(path.unwrap()).unwrap(), BYTES);
    let ranges = hub.ranges();
    assert_eq!(ranges.len(), 4, "{ranges:?}");
    assert!(ranges[0].is_none(), "the first asks for everything");
    let starts: Vec<usize> = ranges[1..].iter().map(|range| range.unwrap()).collect();
    assert_eq!(starts, [100_000, 150_000, 175_000]);
    let seen = seen.into_inner().unwrap();
    assert!(seen.is_sorted() && seen.last() == Some(&(BYTES.len() as u64)), "{seen:?}");
}

#[test]
fn another_process_goes_on_too() {
    let (hub, folder) = (StandIn::start(), tempfile::tempdir().unwrap());
    let blobs = folder.path().join("datasets--ann--sums/blobs");
    std::fs::create_dir_all(&blobs).unwrap();
    std::fs::write(blobs.join(format!("{ETAG}.incomplete")), &BYTES[..1000]).unwrap();
    let settings = settings(&hub.url, folder.path());
    assert_eq!(take(&settings, &repo(), "data/large.bin").unwrap().1, BYTES);
    assert_eq!(hub.ranges(), [Some(1000)]);
}

#[test]
fn a_server_that_cannot_go_on_begins_again() {
    let (hub, folder) = (StandIn::start(), tempfile::tempdir().unwrap());
    hub.ignore_ranges();
    hub.break_next(1);
    let settings = settings(&hub.url, folder.path());
    assert_eq!(take(&settings, &repo(), "data/large.bin").unwrap().1, BYTES);
}

#[test]
fn a_download_that_never_gets_further_is_given_up_and_kept() {
    let (hub, folder) = (StandIn::start(), tempfile::tempdir().unwrap());
    hub.break_at(1000);
    let settings = settings(&hub.url, folder.path());
    let error = take(&settings, &repo(), "data/large.bin").unwrap_err();
    assert!(matches!(error, HubError::Broken { .. }), "{error}");
    assert!(error.to_string().contains("continues where it stopped"), "{error}");
    let snapshots = folder.path().join("datasets--ann--sums/snapshots");
    assert!(!snapshots.exists(), "a file is there whole or not at all");
}

#[test]
fn other_bytes_than_the_hub_promised_are_refused() {
    let (hub, folder) = (StandIn::start(), tempfile::tempdir().unwrap());
    let blobs = folder.path().join("datasets--ann--sums/blobs");
    std::fs::create_dir_all(&blobs).unwrap();
    let partial = blobs.join(format!("{ETAG}.incomplete"));
    std::fs::write(&partial, vec![7; 1000]).unwrap();
    let settings = settings(&hub.url, folder.path());
    let error = take(&settings, &repo(), "data/large.bin").unwrap_err();
    assert!(matches!(error, HubError::Corrupt { .. }), "{error}");
    assert!(!partial.exists());
    assert_eq!(take(&settings, &repo(), "data/large.bin").unwrap().1, BYTES);
}

#[test]
fn the_token_goes_to_the_hub_alone() {
    let (hub, folder) = (StandIn::start(), tempfile::tempdir().unwrap());
    hub.want_token("secret");
    let settings = Settings { token: Token::new("secret"), ..settings(&hub.url, folder.path()) };
    assert_eq!(take(&settings, &repo(), "data/large.bin").unwrap().1, BYTES);
    assert_eq!(hub.tokens_elsewhere(), 0, "the store of the bytes is another host");
    let mut error = String::new();
    for token in [None, Token::new("wrong")] {
        let refused = Settings { token, ..settings.clone() };
        error = take(&refused, &repo(), "data/small.json").unwrap_err().to_string();
        assert!(error.contains("ann/sums") && error.contains("HF_TOKEN"), "{error}");
    }
    assert!(!error.contains("wrong"), "{error}");
}

#[test]
fn refusals_say_what_to_do() {
    let (hub, folder) = (StandIn::start(), tempfile::tempdir().unwrap());
    let settings = settings(&hub.url, folder.path());
    let error = |repo: Repo, file: &str| take(&settings, &repo, file).unwrap_err().to_string();
    let dataset = |name: &str| Repo::dataset(name).unwrap();
    let cases = [
        (dataset("ann/gated"), "a", "hint: accept them at http://"),
        (dataset("ann/none"), "a", "the hub does not have the data set ann/none\nhint:"),
        (repo().at("v9").unwrap(), "a", "ann/sums@v9: there is no such revision\nhint:"),
        (repo(), "b.bin", "no file `b.bin`\nhint: it has data/large.bin, data/small.json"),
        (repo(), "../b.bin", "`../b.bin` is not a file of the hub"),
        (dataset("ann/evil"), "a", "the file `../../outside`, which would lie outside"),
        (dataset("ann/odd"), "a", "its answer does not look like the hub's"),
    ];
    for (repo, file, expected) in cases {
        let error = error(repo, file);
        assert!(error.contains(expected), "{error}");
    }
    let nobody = Settings { endpoint: "http://127.0.0.1:9".into(), ..settings.clone() };
    let error = take(&nobody, &dataset("ann/other"), "a").unwrap_err();
    assert!(matches!(error, HubError::Unreachable { .. }), "{error}");
    let offline = Settings { offline: true, ..settings };
    let error = take(&offline, &dataset("ann/other"), "a").unwrap_err();
    assert!(matches!(error, HubError::Offline { .. }), "{error}");
}

#[test]
fn a_model_is_a_folder() {
    let (hub, folder) = (StandIn::start(), tempfile::tempdir().unwrap());
    let client = Hub::new(settings(&hub.url, folder.path())).unwrap();
    let path = wait(async {
        let snapshot = client.open(&repo()).await?;
        client.folder(&snapshot, |name| name.contains("small"), &silent()).await
    });
    let path = path.unwrap();
    assert_eq!(std::fs::read(path.join("data/small.json")).unwrap(), b"{}");
    assert_eq!(hub.downloads(), 0, "only what is wanted");
    for (name, expected) in [
        ("model-00001-of-00002.safetensors", true),
        ("chat_template.jinja", true),
        ("pytorch_model.bin", false),
        ("onnx/config.json", false),
    ] {
        assert_eq!(is_model_file(name), expected, "{name}");
    }
}

#[test]
fn a_hub_that_is_busy_is_asked_again() {
    let (hub, folder) = (StandIn::start(), tempfile::tempdir().unwrap());
    hub.be_busy(2);
    let settings = settings(&hub.url, folder.path());
    assert_eq!(take(&settings, &repo(), "data/small.json").unwrap().1, b"{}");
}
