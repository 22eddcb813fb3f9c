//! The system calls that a program may make: seccomp.
//!
//! A call that is not listed fails with ENOSYS, as on an older kernel. Calls that programs commonly try
//! fail as on a machine without network or without room for another process.

use std::collections::BTreeMap;

use libc::{
    CLONE_THREAD, EAGAIN, ENETUNREACH, ENOSYS, EPERM, O_ACCMODE, O_TRUNC, PR_SET_PDEATHSIG, SIGABRT,
};
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, apply_filter,
};

use super::allowed::{EVERYWHERE, OLDER};

/// Commands of `fcntl` that `libc` does not name everywhere.
const F_SETSIG: i32 = 10;
const F_SETOWN_EX: i32 = 15;

type Rules = BTreeMap<i64, Vec<SeccompRule>>;

/// Restricts this process, also across `exec`.
pub(super) fn restrict() -> Result<(), String> {
    let own = u64::from(std::process::id());
    // If several filters refuse a call, the one installed last decides the error code.
    filter(allowed(own)?, Otherwise::Refused(ENOSYS))?;
    let forbidden = listed(&FORBIDDEN_OLDER, listed(&FORBIDDEN, forbidden(own)?));
    filter(forbidden, Otherwise::Allowed(EPERM))?;
    filter(listed(&NETWORK, Rules::new()), Otherwise::Allowed(ENETUNREACH))?;
    filter(listed(&PROCESSES, processes()?), Otherwise::Allowed(EAGAIN))
}

/// Whether rules list what is allowed or what is refused, and the error code of refused calls.
#[derive(Clone, Copy)]
enum Otherwise {
    /// The rules list what is allowed.
    Refused(i32),
    /// The rules list what is refused.
    Allowed(i32),
}

fn filter(rules: Rules, otherwise: Otherwise) -> Result<(), String> {
    let refused = |errno: i32| SeccompAction::Errno(errno.cast_unsigned());
    let (unmatched, matched) = match otherwise {
        Otherwise::Refused(errno) => (refused(errno), SeccompAction::Allow),
        Otherwise::Allowed(errno) => (SeccompAction::Allow, refused(errno)),
    };
    let failed = |error: &dyn std::fmt::Display| {
        format!("seccomp: {error}\nhint: the sandbox needs Linux with CONFIG_SECCOMP_FILTER")
    };
    let target = std::env::consts::ARCH.try_into().map_err(|error| failed(&error))?;
    let filter = SeccompFilter::new(rules, unmatched, matched, target);
    let filter = filter.map_err(|error| failed(&error))?;
    let program = BpfProgram::try_from(filter).map_err(|error| failed(&error))?;
    apply_filter(&program).map_err(|error| failed(&error))
}

/// The rules, and these calls with any arguments.
fn listed(calls: &[i64], with_arguments: Rules) -> Rules {
    let mut rules = with_arguments;
    rules.extend(calls.iter().map(|&call| (call, Vec::new())));
    rules
}

/// A rule that holds if all conditions do.
fn when(
    conditions: Vec<Result<SeccompCondition, seccompiler::BackendError>>,
) -> Result<SeccompRule, String> {
    let conditions = conditions.into_iter().collect::<Result<_, _>>();
    conditions.and_then(SeccompRule::new).map_err(|error| format!("seccomp: {error}"))
}

fn argument(
    number: u8,
    is: SeccompCmpOp,
    value: u64,
) -> Result<SeccompCondition, seccompiler::BackendError> {
    SeccompCondition::new(number, SeccompCmpArgLen::Dword, is, value)
}

/// The calls that are allowed.
fn allowed(own: u64) -> Result<Rules, String> {
    let ioctl = [
        libc::TCGETS,
        libc::FIONREAD,
        libc::FIOCLEX,
        libc::FIONCLEX,
        libc::FIONBIO,
        libc::TIOCGWINSZ,
    ];
    let ioctl = ioctl
        .into_iter()
        .map(|request| when(vec![argument(1, SeccompCmpOp::Eq, request & 0xffff_ffff)]))
        .collect::<Result<_, _>>()?;
    // For `abort` only: then no other signal comes from the program itself.
    let abort =
        vec![argument(0, SeccompCmpOp::Eq, own), argument(2, SeccompCmpOp::Eq, SIGABRT as u64)];
    let pair = vec![argument(0, SeccompCmpOp::Eq, libc::AF_UNIX as u64)];
    let rules = BTreeMap::from([
        (libc::SYS_ioctl, ioctl),
        (libc::SYS_tgkill, vec![when(abort)?]),
        (libc::SYS_socketpair, vec![when(pair)?]),
    ]);
    // Calls refused by another filter pass this one, so that the other decides the error code.
    let lists: [&[i64]; 6] =
        [&EVERYWHERE, &OLDER, &FORBIDDEN, &FORBIDDEN_OLDER, &NETWORK, &PROCESSES];
    Ok(lists.into_iter().fold(rules, |rules, calls| listed(calls, rules)))
}

/// The calls that are refused with some arguments.
fn forbidden(own: u64) -> Result<Rules, String> {
    // These make the kernel send signals to any process, as the owner of a file.
    let owner = [libc::F_SETOWN, F_SETOWN_EX, F_SETSIG];
    let owner = owner
        .into_iter()
        .map(|command| when(vec![argument(1, SeccompCmpOp::Eq, command as u64)]))
        .collect::<Result<_, _>>()?;
    // A program may read its own limits but not set them.
    let limits = vec![
        when(vec![argument(0, SeccompCmpOp::Ne, 0)])?,
        when(vec![SeccompCondition::new(2, SeccompCmpArgLen::Qword, SeccompCmpOp::Ne, 0)])?,
    ];
    let truncates = SeccompCmpOp::MaskedEq((O_ACCMODE | O_TRUNC) as u64);
    let rules = BTreeMap::from([
        #[cfg(target_arch = "x86_64")]
        (libc::SYS_open, vec![when(vec![argument(1, truncates.clone(), O_TRUNC as u64)])?]),
        // Old kernels let O_TRUNC truncate a file that is opened for reading.
        (libc::SYS_openat, vec![when(vec![argument(2, truncates, O_TRUNC as u64)])?]),
        (libc::SYS_fcntl, owner),
        (libc::SYS_prlimit64, limits),
        // Otherwise a program could outlive the run.
        (
            libc::SYS_prctl,
            vec![when(vec![argument(0, SeccompCmpOp::Eq, PR_SET_PDEATHSIG as u64)])?],
        ),
        (libc::SYS_tgkill, vec![when(vec![argument(0, SeccompCmpOp::Ne, own)])?]),
    ]);
    Ok(rules)
}

/// The calls that start a process. Threads are allowed; the memory limit bounds their number.
fn processes() -> Result<Rules, String> {
    let flag = CLONE_THREAD as u64;
    let no_thread = argument(0, SeccompCmpOp::MaskedEq(flag), 0);
    Ok(BTreeMap::from([(libc::SYS_clone, vec![when(vec![no_thread])?])]))
}

#[cfg(target_arch = "x86_64")]
const PROCESSES: [i64; 2] = [libc::SYS_fork, libc::SYS_vfork];
#[cfg(not(target_arch = "x86_64"))]
const PROCESSES: [i64; 0] = [];

const NETWORK: [i64; 6] = [
    libc::SYS_socket,
    libc::SYS_connect,
    libc::SYS_bind,
    libc::SYS_listen,
    libc::SYS_accept,
    libc::SYS_accept4,
];

/// Calls that are refused with EPERM.
const FORBIDDEN: [i64; 17] = [
    libc::SYS_kill,
    libc::SYS_tkill,
    libc::SYS_setrlimit,
    libc::SYS_ptrace,
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_chroot,
    libc::SYS_unshare,
    libc::SYS_truncate,
    libc::SYS_fchmod,
    libc::SYS_fchmodat,
    libc::SYS_fchown,
    libc::SYS_fchownat,
    libc::SYS_utimensat,
    libc::SYS_setxattr,
    libc::SYS_setpriority,
    libc::SYS_mknodat,
];

/// Older forms of the same calls.
#[cfg(target_arch = "x86_64")]
const FORBIDDEN_OLDER: [i64; 5] =
    [libc::SYS_chmod, libc::SYS_chown, libc::SYS_lchown, libc::SYS_mknod, libc::SYS_utimes];
#[cfg(not(target_arch = "x86_64"))]
const FORBIDDEN_OLDER: [i64; 0] = [];
