//! `retrial study` on two arms, small enough for a test.

use retrial_tests::{Project, root, shown};

#[test]
fn a_study_compares_its_arms_and_goes_on_where_it_was() {
    let project = Project::new();
    let base = root().join("examples/dialects/lte.toml");
    let study = project.path("study.toml");
    let text = format!(
        "name = \"small\"\nconfig = {base:?}\nseeds = [1]\nreference = \"lte\"\n\
         [[arm]]\nname = \"grpo\"\nset = [\"run.method=grpo\"]\n\
         [[arm]]\nname = \"lte\"\nset = [\"run.method=lte\"]\n"
    );
    std::fs::write(&study, text).unwrap();
    let small = [
        "run.steps=1",
        "rollout.problems=12",
        "rollout.group=4",
        "rollout.extra=4",
        "evaluation.every=0",
        "evaluation.k=2",
    ];
    let arguments = || {
        let sets = small.iter().flat_map(|setting| ["--set", *setting]);
        ["study", "study.toml"].into_iter().chain(sets)
    };
    let first = project.retrial(arguments());
    assert!(first.status.success(), "{}", shown(&first));
    let report = String::from_utf8_lossy(&first.stdout).into_owned();
    for line in ["# Study small", "## Held-out new", "| lte - | Pass@1 | Pass@2 |"] {
        assert!(report.contains(line), "`{line}` is not in\n{report}");
    }
    // GRPO goes on until it has sampled as much as LTE.
    let tokens = |arm: &str| -> f64 {
        let row =
            report.lines().rev().find(|line| line.starts_with(&format!("| {arm} |"))).unwrap();
        row.split('|').nth(3).unwrap().trim().parse().unwrap()
    };
    assert!(tokens("grpo") >= tokens("lte"), "{report}");

    let again = project.retrial(arguments());
    assert_eq!(String::from_utf8_lossy(&again.stdout), report, "{}", shown(&again));
    let progress = String::from_utf8_lossy(&again.stderr).into_owned();
    assert!(!progress.contains("step 1/"), "nothing is trained twice: {progress}");
}
