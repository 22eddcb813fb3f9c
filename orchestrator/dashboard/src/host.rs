//! Processes of this machine.

/// Whether a process of Retrial is there; unknown for those of other machines.
pub fn is_alive(host: &str, pid: u64) -> Option<bool> {
    if rustix::system::uname().nodename().to_string_lossy() != host {
        return None;
    }
    // A number that the system has given to another program since is none of ours.
    let name = std::fs::read_to_string(format!("/proc/{pid}/comm"));
    Some(name.is_ok_and(|name| name.trim() == "retrial"))
}
