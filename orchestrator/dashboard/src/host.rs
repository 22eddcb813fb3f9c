//! Processes of this machine.

/// Whether a process of Retrial exists; unknown for other machines.
pub fn is_alive(host: &str, pid: u64) -> Option<bool> {
    if rustix::system::uname().nodename().to_string_lossy() != host {
        return None;
    }
    // The system may have given the number to another program since.
    let name = std::fs::read_to_string(format!("/proc/{pid}/comm"));
    Some(name.is_ok_and(|name| name.trim() == "retrial"))
}
