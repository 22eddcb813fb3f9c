//! `--help` of every command of the three programs, as snapshots.

use std::process::Command;

use retrial_tests::binary;

/// The help of a command and of all its subcommands.
fn help(program: &str, command: &[&str]) -> String {
    let output =
        Command::new(binary(program)).args(command).arg("--help").output().expect("it starts");
    assert!(output.status.success(), "{program} {command:?} has no help");
    let text = String::from_utf8(output.stdout).expect("help is UTF-8");
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    let title = [&[program], command].concat().join(" ");
    let mut all = format!("$ {title} --help\n{}\n\n", lines.join("\n"));
    let listed = lines.iter().skip_while(|line| **line != "Commands:").skip(1);
    for line in listed.take_while(|line| !line.is_empty()) {
        // Descriptions that are wrapped have more space before them.
        let Some(name) = line.strip_prefix("  ").filter(|rest| !rest.starts_with(' ')) else {
            continue;
        };
        let name = name.split(' ').next().expect("a command has a name");
        if name != "help" {
            all += &help(program, &[command, &[name]].concat());
        }
    }
    all
}

#[test]
fn retrial_explains_its_commands() {
    insta::assert_snapshot!(help("retrial", &[]));
}

#[test]
fn retrial_trainer_explains_its_commands() {
    insta::assert_snapshot!(help("retrial-trainer", &[]));
}

#[test]
fn retrial_policy_explains_its_options() {
    insta::assert_snapshot!(help("retrial-policy", &[]));
}
