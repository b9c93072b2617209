//! What the environment says of a job: the library's own variables, and those that SLURM and Open MPI set.

use crate::error::{Error, ErrorKind, Result};

use super::config::Config;

/// Looks up an environment variable.
type Lookup<'a> = dyn Fn(&str) -> Option<String> + 'a;

const COORDINATOR: &str = "COTANGENT_COORDINATOR";
const PROCESSES: &str = "COTANGENT_PROCESSES";
const PROCESS_ID: &str = "COTANGENT_PROCESS_ID";
const JOB: &str = "COTANGENT_JOB";
const LOCAL_DEVICES: &str = "COTANGENT_LOCAL_DEVICES";

/// The ports that are derived from the number of a job: the highest 4096, as in JAX.
const PORTS: u64 = 1 << 12;

/// What a launcher says.
#[derive(Debug, Default)]
struct Launched {
    coordinator: Option<String>,
    processes: Option<usize>,
    id: Option<usize>,
    /// The number of the process among those of its host.
    local: Option<usize>,
    job: Option<String>,
}

/// The configuration that the environment describes. Each of the library's variables takes precedence over what the launcher
/// says.
pub(crate) fn config(lookup: &Lookup<'_>) -> Result<Config> {
    let set = |name: &str| lookup(name).filter(|text| !text.trim().is_empty());
    let launched = match slurm(&set)? {
        Some(launched) => launched,
        None => open_mpi(&set)?.unwrap_or_default(),
    };
    let number = |name: &str, known: Option<usize>| match set(name) {
        Some(text) => parse(name, &text),
        None => known.ok_or_else(|| missing(name)),
    };
    let coordinator = set(COORDINATOR).or(launched.coordinator).ok_or_else(|| missing(COORDINATOR))?;
    let mut config = Config::new(coordinator, number(PROCESSES, launched.processes)?, number(PROCESS_ID, launched.id)?);
    config.token = set(JOB).or(launched.job).unwrap_or_default();
    // A launcher may have restricted the process to its own GPU already.
    let restricted = set("CUDA_VISIBLE_DEVICES").is_some_and(|list| !list.contains(','));
    config.local_devices = match set(LOCAL_DEVICES) {
        Some(list) => Some(list.split(',').map(|text| parse(LOCAL_DEVICES, text)).collect::<Result<_>>()?),
        None => launched.local.filter(|_| !restricted).map(|place| vec![place]),
    };
    Ok(config)
}

/// What SLURM says, if it started this process: `srun` sets these variables for each task.
fn slurm(set: &Lookup<'_>) -> Result<Option<Launched>> {
    let names = ["SLURM_JOB_ID", "SLURM_STEP_NODELIST", "SLURM_NTASKS", "SLURM_PROCID", "SLURM_LOCALID"];
    let [Some(job), Some(nodes), Some(tasks), Some(id), Some(local)] = names.map(set) else { return Ok(None) };
    let host = first_node(&nodes);
    let number: u64 = parse(names[0], &job)?;
    Ok(Some(Launched {
        coordinator: Some(format!("{host}:{}", port(number))),
        processes: Some(parse(names[2], &tasks)?),
        id: Some(parse(names[3], &id)?),
        local: Some(parse(names[4], &local)?),
        job: Some(format!("slurm-{job}-{}", set("SLURM_STEP_ID").unwrap_or_default())),
    }))
}

/// The first of SLURM's nodes: `node001` of `node001`, `node001,host2`, `node[001-015],host2` and `node[001,007-015]`.
fn first_node(nodes: &str) -> String {
    let end = nodes.find([',', '[']).unwrap_or(nodes.len());
    let (prefix, rest) = nodes.split_at(end);
    match rest.strip_prefix('[') {
        Some(list) => format!("{prefix}{}", &list[..list.find([',', '-', ']']).unwrap_or(list.len())]),
        None => prefix.to_owned(),
    }
}

/// What Open MPI says, if it started this process. Only versions before 5 say where.
fn open_mpi(set: &Lookup<'_>) -> Result<Option<Launched>> {
    let names = ["OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_LOCAL_RANK"];
    let [Some(size), Some(rank), Some(local)] = names.map(set) else { return Ok(None) };
    let launcher = set("OMPI_MCA_orte_hnp_uri");
    let launcher =
        launcher.as_deref().map(|uri| launcher_address(uri).ok_or_else(|| malformed("OMPI_MCA_orte_hnp_uri", uri)));
    Ok(Some(Launched {
        coordinator: launcher.transpose()?,
        processes: Some(parse(names[0], &size)?),
        id: Some(parse(names[1], &rank)?),
        local: Some(parse(names[2], &local)?),
        job: None,
    }))
}

/// The first address in `1531576320.0;tcp://10.96.0.1,10.148.0.1:34911` or `1314521088.0;tcp6://[fe80::b9b,2620::2]:43370`,
/// with a port that follows from the job's number, which is a multiple of 4096.
fn launcher_address(uri: &str) -> Option<String> {
    let (job, rest) = uri.split_once('.')?;
    let port = port(job.parse::<u64>().ok()? / PORTS);
    if let Some((_, hosts)) = rest.split_once("tcp://") {
        return Some(format!("{}:{port}", hosts.split([',', ':']).next()?));
    }
    let (_, hosts) = rest.split_once("tcp6://[")?;
    Some(format!("[{}]:{port}", hosts.split([',', ']']).next()?))
}

fn port(job: u64) -> u64 {
    (1 << 16) - PORTS + job % PORTS
}

fn parse<T: std::str::FromStr>(name: &str, text: &str) -> Result<T> {
    text.trim().parse().map_err(|_| malformed(name, text))
}

fn malformed(name: &str, text: &str) -> Error {
    Error::value(format!("the environment variable {name}={text} has not the form that is expected of it"))
}

fn missing(name: &str) -> Error {
    let message = format!("nothing says how to join a job: the environment variable {name} is not set");
    Error::new(ErrorKind::Process, message).help(format!(
        "set {COORDINATOR} (as in 10.0.0.1:1234), {PROCESSES} and {PROCESS_ID}, start the processes with `srun` or `mpirun`, \
         or call `distributed::initialize(coordinator, processes, id)`"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The configuration of an environment of `NAME=value` words.
    fn of(environment: &str) -> Result<Config> {
        let variables: Vec<(&str, &str)> = environment.split(' ').filter_map(|word| word.split_once('=')).collect();
        config(&|name| variables.iter().find(|(n, _)| *n == name).map(|(_, value)| (*value).to_owned()))
    }

    const SLURM: &str = "SLURM_JOB_ID=70001 SLURM_STEP_ID=3 SLURM_STEP_NODELIST=node[001-004] SLURM_NTASKS=8 SLURM_PROCID=5 \
                         SLURM_LOCALID=1";
    const MPI: &str = "OMPI_COMM_WORLD_SIZE=4 OMPI_COMM_WORLD_RANK=3 OMPI_COMM_WORLD_LOCAL_RANK=0";

    #[test]
    fn variables_of_the_library_and_of_launchers() {
        let own = "COTANGENT_COORDINATOR=a:1 COTANGENT_PROCESSES=2 COTANGENT_PROCESS_ID=1";
        let uri = "OMPI_MCA_orte_hnp_uri=1531576320.0;tcp://10.96.0.1,10.148.0.1:34911";
        // The ports are those that JAX's cluster detection computes: 70001 % 4096 + 61440, 1531576320 / 4096 % 4096 + 61440.
        let cases = [
            (own.to_owned(), ("a:1", 2, 1, "", None)),
            (SLURM.to_owned(), ("node001:61809", 8, 5, "slurm-70001-3", Some(vec![1]))),
            (format!("{SLURM} {own} COTANGENT_JOB=x"), ("a:1", 2, 1, "x", Some(vec![1]))),
            (format!("{SLURM} CUDA_VISIBLE_DEVICES=3"), ("node001:61809", 8, 5, "slurm-70001-3", None)),
            (
                format!("{SLURM} COTANGENT_LOCAL_DEVICES=2,3"),
                ("node001:61809", 8, 5, "slurm-70001-3", Some(vec![2, 3])),
            ),
            (format!("{MPI} {uri}"), ("10.96.0.1:62624", 4, 3, "", Some(vec![0]))),
            (format!("{MPI} COTANGENT_COORDINATOR=b:2"), ("b:2", 4, 3, "", Some(vec![0]))),
        ];
        for (environment, expected) in cases {
            let config = of(&environment).unwrap();
            let found = (&*config.coordinator, config.processes, config.id, &*config.token, config.local_devices);
            assert_eq!(found, expected, "{environment}");
        }
    }

    #[test]
    fn node_lists_and_addresses() {
        let nodes = ["node001", "node001,host2", "node[001-0015],host2", "node[001,007-015],host2", "node[001]"];
        assert_eq!(nodes.map(first_node), ["node001"; 5]);
        let uri = "1314521088.0;tcp6://[fe80::b9b:ac5d:9cf0:b858,2620:10d:c083:150e::3000:2]:43370";
        let port = 1_314_521_088 / 4096 % 4096 + 61440;
        assert_eq!(launcher_address(uri).unwrap(), format!("[fe80::b9b:ac5d:9cf0:b858]:{port}"));
        for malformed in ["", "1531576320", "x.0;tcp://10.0.0.1:1", "1.0;udp://10.0.0.1:1"] {
            assert_eq!(launcher_address(malformed), None, "{malformed}");
        }
    }

    #[test]
    fn what_is_missing_or_malformed_is_named() {
        for (environment, says) in [
            ("", "COTANGENT_COORDINATOR is not set"),
            ("COTANGENT_COORDINATOR=a:1", "COTANGENT_PROCESSES is not set"),
            (MPI, "COTANGENT_COORDINATOR is not set"),
            ("COTANGENT_COORDINATOR=a:1 COTANGENT_PROCESSES=2 COTANGENT_PROCESS_ID=one", "COTANGENT_PROCESS_ID=one"),
            (&*SLURM.replace("70001", "many"), "SLURM_JOB_ID=many"),
        ] {
            let error = of(environment).unwrap_err().to_string();
            assert!(error.contains(says), "{environment}: {error}");
        }
    }
}
