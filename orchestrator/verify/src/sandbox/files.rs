//! The files that a program may read and write: Landlock.

use std::path::{Path, PathBuf};

use landlock::{
    ABI, Access as _, AccessFs, AccessNet, Ruleset, RulesetAttr as _, RulesetCreatedAttr as _,
    RulesetError, RulesetStatus, Scope, path_beneath_rules,
};

/// Readable for every program: what loading one needs.
const SYSTEM: [&str; 9] = [
    "/usr",
    "/lib",
    "/lib32",
    "/lib64",
    "/bin",
    "/etc/ld.so.cache",
    "/dev/zero",
    "/dev/random",
    "/dev/urandom",
];

/// Restricts this process, also across `exec`.
pub(super) fn restrict(scratch: &Path, readable: &[PathBuf]) -> Result<(), String> {
    if let Some(all) = readable.iter().find(|path| path.components().count() < 2) {
        return Err(format!("all of {} would be readable", all.display()));
    }
    match rules(scratch, readable) {
        Ok(RulesetStatus::NotEnforced) => Err(
            "this kernel has no Landlock, so a program could read and write any file\n\
             hint: the sandbox needs Linux 5.13 or newer with `landlock` in /sys/kernel/security/lsm"
                .into(),
        ),
        Ok(_) => Ok(()),
        Err(error) => Err(format!("Landlock: {error}")),
    }
}

/// Uses all that a kernel can restrict; `calls` covers what older kernels cannot.
fn rules(scratch: &Path, readable: &[PathBuf]) -> Result<RulesetStatus, RulesetError> {
    let newest = ABI::V6;
    let read = AccessFs::from_read(newest);
    let own = read | AccessFs::from_write(newest);
    let devices = AccessFs::MakeChar | AccessFs::MakeBlock | AccessFs::MakeSock;
    let status = Ruleset::default()
        .handle_access(AccessFs::from_all(newest))?
        .handle_access(AccessNet::from_all(newest))?
        .scope(Scope::from_all(newest))?
        .create()?
        .add_rules(path_beneath_rules(SYSTEM, read))?
        .add_rules(path_beneath_rules(readable, read))?
        .add_rules(path_beneath_rules(["/dev/null"], read | AccessFs::WriteFile))?
        .add_rules(path_beneath_rules([scratch], own & !devices))?
        .restrict_self()?;
    Ok(status.ruleset)
}
