//! Ranks from the variables that launchers set: torchrun, Kubernetes' `PyTorchJob`, and with one line
//! of shell Slurm's srun.

use retrial_native::c10d::Meeting;

use super::place::Place;

/// What the environment says about the ranks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Environment {
    /// Which rank this process is.
    pub place: Place,
    /// Where the ranks meet.
    pub meeting: Meeting,
}

/// Why the environment is invalid.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the environment variable {variable} {problem}\n\
     hint: a launcher sets RANK, WORLD_SIZE, MASTER_ADDR and MASTER_PORT for each rank; without \
     WORLD_SIZE there is one"
)]
pub struct EnvironmentError {
    /// The variable.
    pub variable: &'static str,
    /// What is wrong with it.
    pub problem: String,
}

impl Environment {
    /// Reads this process's environment; none if it is the only rank.
    pub fn read() -> Result<Option<Self>, EnvironmentError> {
        Self::of(|variable| std::env::var(variable).ok())
    }

    fn of(get: impl Fn(&str) -> Option<String>) -> Result<Option<Self>, EnvironmentError> {
        let number = |variable| {
            let text = get(variable)
                .ok_or_else(|| EnvironmentError { variable, problem: "is missing".into() })?;
            let problem = format!("is `{text}`, not a number");
            text.parse::<usize>().map_err(|_| EnvironmentError { variable, problem })
        };
        if get("WORLD_SIZE").is_none() {
            return Ok(None);
        }
        let world = number("WORLD_SIZE")?;
        if world <= 1 {
            return Ok(None);
        }
        let rank = number("RANK")?;
        if rank >= world {
            let problem = format!("is {rank}, and WORLD_SIZE {world}");
            return Err(EnvironmentError { variable: "RANK", problem });
        }
        let variable = "MASTER_ADDR";
        let host =
            get(variable).ok_or(EnvironmentError { variable, problem: "is missing".into() })?;
        let port = number("MASTER_PORT")?;
        let port = u16::try_from(port).map_err(|_| EnvironmentError {
            variable: "MASTER_PORT",
            problem: format!("is {port}, not a port"),
        })?;
        // torchrun keeps the store itself, across its restarts of the ranks.
        let kept = get("TORCHELASTIC_USE_AGENT_STORE").is_some_and(|kept| kept == "True");
        let attempt = get("TORCHELASTIC_RESTART_COUNT").filter(|_| kept).unwrap_or_default();
        let meeting = Meeting { kept, prefix: format!("retrial/{attempt}"), host, port };
        Ok(Some(Self { place: Place { rank, world }, meeting }))
    }
}

/// Which of this machine's ranks it is; it uses the GPU of the same number.
pub fn local_rank() -> usize {
    std::env::var("LOCAL_RANK").ok().and_then(|rank| rank.parse().ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(variables: &[(&str, &str)]) -> Result<Option<Environment>, EnvironmentError> {
        let get = |wanted: &str| variables.iter().find(|(name, _)| *name == wanted);
        Environment::of(|wanted| get(wanted).map(|(_, value)| (*value).to_owned()))
    }

    const TWO: [(&str, &str); 4] =
        [("WORLD_SIZE", "2"), ("RANK", "1"), ("MASTER_ADDR", "node0"), ("MASTER_PORT", "29500")];

    #[test]
    fn without_a_world_there_is_one_rank() {
        assert_eq!(of(&[]), Ok(None));
        assert_eq!(of(&[("WORLD_SIZE", "1"), ("RANK", "0")]), Ok(None));
    }

    #[test]
    fn a_launcher_says_where_and_who() {
        let found = of(&TWO).unwrap().unwrap();
        assert_eq!(found.place, Place { rank: 1, world: 2 });
        assert_eq!((found.meeting.host.as_str(), found.meeting.port), ("node0", 29_500));
        assert!(!found.meeting.kept);
        let agent = [("TORCHELASTIC_USE_AGENT_STORE", "True"), ("TORCHELASTIC_RESTART_COUNT", "3")];
        let found = of(&[&TWO[..], &agent].concat()).unwrap().unwrap();
        assert!(found.meeting.kept);
        assert_eq!(found.meeting.prefix, "retrial/3");
    }

    #[test]
    fn what_is_wrong_is_named() {
        let cases = [
            (("RANK", "2"), "RANK is 2, and WORLD_SIZE 2"),
            (("RANK", "one"), "RANK is `one`, not a number"),
            (("MASTER_PORT", "70000"), "MASTER_PORT is 70000, not a port"),
        ];
        for (change, problem) in cases {
            let error = of(&[&[change], &TWO[..]].concat()).unwrap_err().to_string();
            assert!(error.contains(problem), "{error}");
        }
        let error = of(&TWO[..3]).unwrap_err().to_string();
        assert!(error.contains("MASTER_PORT is missing"), "{error}");
    }
}
