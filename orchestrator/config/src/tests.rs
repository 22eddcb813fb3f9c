use std::path::Path;

use super::*;

const MINIMAL: &str = "[run]\nname = \"a\"\nmethod = \"lte\"\nsteps = 3\n\
                           [model]\npath = \"m\"\n[data]\ntrain = \"t.jsonl\"\n";

fn load(text: &str, overrides: &[&str]) -> Result<Config, String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.toml");
    std::fs::write(&path, text).unwrap();
    let overrides: Vec<String> = overrides.iter().map(|&text| text.to_owned()).collect();
    Config::load(&path, &overrides)
        .map_err(|error| error.to_string().replace(&*folder.path().to_string_lossy(), ""))
}

#[test]
fn the_documented_file_shows_every_key_with_its_default() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/config.toml");
    let documented = Config::load(&path, &[]).unwrap();
    let minimal = load(MINIMAL, &[]).unwrap();
    assert_eq!(documented.prompts, minimal.prompts);
    assert_eq!(documented.dashboard, minimal.dashboard);
    let (documented, minimal) = (documented.settings(), minimal.settings());
    let differing = difference(&minimal, &documented);
    let keys: Vec<&str> =
        differing.split("; ").filter_map(|entry| entry.split(':').next()).collect();
    let required = ["data.heldout.new", "data.train", "model.path", "run.name"];
    let mut sorted = keys.clone();
    sorted.sort_unstable();
    assert_eq!(sorted, required, "{differing}");
    let text = std::fs::read_to_string(path).unwrap();
    for (table, keys) in documented.as_object().unwrap() {
        assert!(text.contains(&format!("[{table}]")), "[{table}] is not documented");
        for key in keys.as_object().unwrap().keys() {
            let shown = text.lines().any(|line| {
                line.trim_start_matches("# ").starts_with(&format!("{key} = "))
                    || line.starts_with(&format!("[{table}.{key}]"))
            });
            assert!(shown, "{table}.{key} is not documented");
        }
    }
}

#[test]
fn the_examples_are_valid() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples");
    for size in ["4b", "8b"] {
        let config = Config::load(&folder.join(format!("qwen3-{size}.toml")), &[]).unwrap();
        assert_eq!(config.run.name, format!("qwen3-{size}-lte"));
        // What the paper says about both.
        let rollout = &config.rollout;
        assert_eq!((rollout.problems, rollout.group, rollout.extra), (128, 8, 8));
        assert_eq!((rollout.max_tokens(), rollout.temperature), (8192, 1.0));
        assert_eq!((config.run.steps, config.evaluation.every), (500, 10));
    }
}

#[test]
fn an_unknown_key_is_shown_with_its_line_and_a_suggestion() {
    let error = load(&format!("{MINIMAL}[optimizer]\nlerning_rate = 1\n"), &[]).unwrap_err();
    insta::assert_snapshot!(error);
}

#[test]
fn a_wrong_type_is_shown_with_its_line() {
    let error = load(&MINIMAL.replace("steps = 3", "steps = \"three\""), &[]).unwrap_err();
    insta::assert_snapshot!(error);
}

#[test]
fn overrides_win_and_are_checked() {
    let config = load(MINIMAL, &["run.steps=7", "run.name=b", "rollout.group = 4"]).unwrap();
    assert_eq!((config.run.steps, config.rollout.group), (7, 4));
    assert_eq!(config.run.name, "b");
    let cases = [
        ("steps=7", "--set steps=7: write it as table.key=value"),
        ("run.steps", "--set run.steps: write it as table.key=value"),
        ("run.stesp=7", "--set run.stesp=7: unknown field `stesp`"),
        ("run.name.x=7", "--set run.name.x=7: `name` is not a table"),
        ("run.steps=many", "--set run.steps=many: invalid type: string \"many\""),
    ];
    for (setting, expected) in cases {
        let error = load(MINIMAL, &[setting]).unwrap_err();
        assert!(error.starts_with(expected), "{error}");
    }
    assert!(load(MINIMAL, &["run.stesp=7"]).unwrap_err().contains("did you mean `steps`?"));
}

#[test]
fn values_out_of_range_are_named() {
    let cases = [
        ("run.name=a/b", "[run] name is `a/b`, it must be"),
        ("run.steps=0", "[run] steps is 0, it must be at least 1"),
        ("rollout.group=1", "[rollout] group must be at least 2"),
        ("rollout.extra=0", "[rollout] extra is 0, method `lte` needs at least 1"),
        ("rollout.temperature=0.0", "[rollout] temperature is 0, it must be above 0"),
        ("objective.gamma=-1.0", "[objective] `gamma` is -1, it must be above 0"),
        ("prompts.hint={problem}", "[prompts] template `hint` lacks {answers}"),
        ("server.tolerance=0.0", "[server] tolerance is 0, it must be above 0"),
        ("trainer.ranks=0", "[trainer] ranks is 0, it must be at least 1"),
        ("server.workers=[\"a:8000\"]", "set the router as the only one of urls"),
        ("prompts.stop=[\"\"]", "[prompts] stop has an empty text"),
        ("data.max_left_out=2.0", "[data] max_left_out is 2, it must be between 0 and 1"),
        (
            "hint.closed=[\"yes\"]",
            "[hint] closed lists the answers that are possible: at least two",
        ),
        ("reward.pass_at=2.0", "the reward 2 is not a number from 0 to 1"),
        ("reward.kind=regex", "[reward] kind `regex` needs `pattern`"),
        ("server.push=nccl", "which the embedded server does not have: give the urls of vLLM"),
    ];
    for (setting, expected) in cases {
        let error = load(MINIMAL, &[setting]).unwrap_err();
        assert!(error.contains(expected), "{error}");
    }
    assert!(load(MINIMAL, &["rollout.extra=0", "run.method=grpo"]).is_ok());
}

#[test]
fn settings_that_came_later_were_at_their_defaults() {
    let settings = load(MINIMAL, &[]).unwrap().settings();
    let mut older = settings.clone();
    older.as_object_mut().unwrap().remove("hint");
    older["rollout"].as_object_mut().unwrap().remove("dynamic_sampling");
    assert_eq!(Config::completed(older), settings);
    let other = load(MINIMAL, &["rollout.group=4"]).unwrap().settings();
    assert_ne!(Config::completed(other), settings);
    let parts = "[reward.parts.correct]\nkind = \"math\"\n";
    let several = load(&format!("{MINIMAL}{parts}"), &[]).unwrap().settings();
    assert_eq!(Config::completed(several.clone()), several);
}

#[test]
fn inputs_are_relative_to_the_file() {
    let config = load(MINIMAL, &[]).unwrap();
    assert!(Path::new(&config.model.path.0).is_absolute());
    assert!(Path::new(&config.data.train.0[0].source).is_absolute());
    assert_eq!(config.run.database, Path::new("retrial.db"));
}

#[test]
fn where_and_how_fast_a_verifier_is_may_change() {
    let of = |reward: &str| {
        let config = load(&format!("{MINIMAL}[reward]\n{reward}"), &[]).unwrap();
        Config::without_places(config.settings())
    };
    let command = "kind = \"command\"\ncommand = [\"verify\"]\n";
    let other = format!("{command}workers = 9\ntimeout_seconds = 5\nfolder = \"/elsewhere\"");
    assert_eq!(of(command), of(&other));
    assert_ne!(of(command), of(&command.replace("verify", "other")));
    // A value of a tag may have the name of a key.
    let by = "by = \"kind\"\n[reward.for.url]\nkind = \"code\"\nworkers = 1";
    assert_eq!(of(by)["reward"]["for"]["url"]["kind"], "code");
    assert_eq!(of(by), of(&by.replace("workers = 1", "workers = 2")));
}

#[test]
fn runs_that_are_older_than_rewards_fail_what_is_cut() {
    let mut older = load(MINIMAL, &[]).unwrap().settings();
    older.as_object_mut().unwrap().remove("reward");
    assert!(Config::fails_what_is_cut(&older));
    let now = load(MINIMAL, &["reward.truncated=fail"]).unwrap().settings();
    assert!(!Config::fails_what_is_cut(&now));
    let [older, now] = [Config::completed(older), now].map(Config::without_places);
    assert_eq!(older, now);
}
