use super::*;

fn read(text: &str) -> Result<RewardConfig, String> {
    toml::from_str(text).map_err(|error| error.message().to_owned())
}

#[test]
fn nothing_said_is_mathematics_in_a_box() {
    assert_eq!(read("").unwrap(), RewardConfig::default());
    assert!(RewardConfig::default().only_math());
}

#[test]
fn every_kind_is_read_and_written() {
    for text in [
        "kind = 'math'\nextraction = 'auto'\ntruncated = 'fail'\npass_at = 0.5",
        "kind = 'number'\ntolerance = 0.01",
        "kind = 'choice'\nextraction = 'answer_tag'",
        "kind = 'exact'",
        "kind = 'regex'\npattern = '^{gold}$'",
        "kind = 'command'\ncommand = ['python3', 'verify.py']\nworkers = 2\ntimeout_seconds = 1.5",
        "kind = 'http'\nurl = 'http://localhost:9/v'\nheaders = { A = 'env:B' }\nbatch = 8",
        "kind = 'code'\nmemory_mb = 256\npartial = true",
        "[parts.correct]\nkind = 'math'\n[parts.format]\nkind = 'regex'\npattern = 'x'\nweight = 0.1",
        "by = 'data_source'\n[for.gsm8k]\nkind = 'number'\n[for.code.parts.a]\nkind = 'code'",
        "by = 'level'\nkind = 'exact'\n[for.'1']\nkind = 'math'",
    ] {
        let config = read(text).unwrap();
        let written = serde_json::to_value(&config).unwrap();
        assert_eq!(serde_json::from_value::<RewardConfig>(written).unwrap(), config, "{text}");
    }
}

#[test]
fn what_is_wrong_is_said_in_the_words_of_the_configuration() {
    for (text, expected) in [
        ("tolerance = 1", "[reward] `tolerance` is not a key of the kind `math`"),
        ("kind = 'regex'", "[reward] kind `regex` needs `pattern`"),
        ("kind = 'command'\ncommand = []", "[reward] command is empty"),
        ("kind = 'maths'", "unknown variant `maths`"),
        ("kinds = 'math'", "unknown field `kinds`"),
        ("pass_at = 2", "the reward 2 is not a number from 0 to 1"),
        ("pass_at = 0", "pass_at is 0"),
        ("extraction = 'box'", "unknown extraction `box`"),
        ("by = 'level'", "[reward.for.VALUE], but there is none"),
        ("[for.x]\nkind = 'math'", "[reward.for] needs [reward] by"),
        ("kind = 'math'\n[parts.a]\nkind = 'math'", "one of them"),
        ("[parts.a]\nkind = 'math'\nweight = 0", "[reward.parts.a] weight is 0"),
        ("[parts.a]\nkind = 'math'\npass_at = 1", "[reward.parts.a] `pass_at` is not a key"),
        ("weight = 2", "`weight` is not a key"),
        ("kind = 'code'\ntimeout_seconds = 0", "[reward] timeout_seconds is 0"),
    ] {
        let error = read(text).unwrap_err();
        assert!(error.contains(expected), "{text}: {error}");
    }
}

#[test]
fn a_tag_chooses_and_a_value_without_a_table_is_said() {
    let config = read("by = 'source'\n[for.a]\nkind = 'exact'").unwrap();
    let tags = |value: &str| BTreeMap::from([("source".to_owned(), value.to_owned())]);
    assert!(matches!(
        config.scheme(&tags("a")),
        Ok(Scheme::One(Verifier { kind: VerifierKind::Exact, .. }))
    ));
    let error = config.scheme(&tags("b")).unwrap_err();
    assert!(error.contains("its source is `b`"), "{error}");
    assert!(config.scheme(&BTreeMap::new()).unwrap_err().contains("it has no source"));
}

#[test]
fn programs_are_started_beside_the_configuration() {
    let mut config = read("kind = 'command'\ncommand = ['./verify']").unwrap();
    config.resolve(Path::new("/a/b"));
    let Choice::Always(Scheme::One(verifier)) = &config.verifiers else { panic!() };
    let VerifierKind::Command(settings) = &verifier.kind else { panic!() };
    assert_eq!(settings.folder, Path::new("/a/b"));
}
