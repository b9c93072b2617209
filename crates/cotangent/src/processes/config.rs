//! How a process joins a job.

use std::fmt;
use std::panic::Location;
use std::time::Duration;

use crate::error::{Error, Result};

use super::{PATIENCE, cluster};

/// The most processes that a job can have.
const MAX_PROCESSES: usize = 1 << 16;

/// How this process joins a job of several processes; see [`initialize`](crate::distributed::initialize).
///
/// ```no_run
/// use std::time::Duration;
/// use cotangent::distributed::Config;
///
/// Config::new("10.0.0.1:1234", 2, 1).timeout(Duration::from_secs(60)).initialize()?;
/// # Ok::<(), cotangent::Error>(())
/// ```
#[must_use = "a configuration does nothing until `initialize` is called"]
pub struct Config {
    pub(crate) coordinator: String,
    pub(crate) processes: usize,
    pub(crate) id: usize,
    pub(crate) bind: Option<String>,
    pub(crate) token: String,
    pub(crate) timeout: Duration,
    pub(crate) heartbeat_timeout: Duration,
    pub(crate) local_devices: Option<Vec<usize>>,
    #[allow(clippy::type_complexity, reason = "a function, named once")]
    pub(crate) on_failure: Option<Box<dyn FnOnce(&Error) + Send>>,
}

impl Config {
    /// Process `id` of `processes`, whose process 0 listens on the address `coordinator`.
    ///
    /// ```
    /// let config = cotangent::distributed::Config::new("10.0.0.1:1234", 2, 1);
    /// assert!(format!("{config:?}").contains("10.0.0.1:1234"));
    /// ```
    pub fn new(coordinator: impl Into<String>, processes: usize, id: usize) -> Config {
        Config {
            coordinator: coordinator.into(),
            processes,
            id,
            bind: None,
            token: String::new(),
            timeout: PATIENCE,
            heartbeat_timeout: Duration::from_secs(100),
            local_devices: None,
            on_failure: None,
        }
    }

    /// The configuration that the environment describes, as
    /// [`initialize_from_env`](crate::distributed::initialize_from_env) finds it.
    ///
    /// # Errors
    /// If a variable is missing or malformed; the message names it.
    ///
    /// ```
    /// use cotangent::distributed::Config;
    /// match Config::from_env() {
    ///     Ok(config) => println!("{config:?}"),
    ///     Err(error) => assert!(error.to_string().contains("COTANGENT_")),
    /// }
    /// ```
    pub fn from_env() -> Result<Config> {
        cluster::config(&|name| std::env::var(name).ok())
    }

    /// Sets the address that process 0 listens on. By default these are all addresses of the host, or only the loopback
    /// address if the coordinator's address is one.
    ///
    /// ```
    /// let config = cotangent::distributed::Config::new("10.0.0.1:1234", 2, 0).bind("10.0.0.1:1234");
    /// ```
    pub fn bind(mut self, address: impl Into<String>) -> Config {
        self.bind = Some(address.into());
        self
    }

    /// Sets a name for the job. Processes with another name are not admitted, so that two jobs cannot mix if they use one
    /// address by mistake. The name is no secret.
    ///
    /// ```
    /// let config = cotangent::distributed::Config::new("10.0.0.1:1234", 2, 0).job("training-17");
    /// ```
    pub fn job(mut self, name: impl Into<String>) -> Config {
        self.token = name.into();
        self
    }

    /// Sets how long to wait until all processes have joined. The default is 300 s.
    ///
    /// ```
    /// use std::time::Duration;
    /// let config = cotangent::distributed::Config::new("10.0.0.1:1234", 2, 0).timeout(Duration::from_secs(60));
    /// ```
    pub fn timeout(mut self, timeout: Duration) -> Config {
        self.timeout = timeout;
        self
    }

    /// Sets how long a process may be silent before the others regard it as lost. The default is 100 s. A process that ends
    /// or is killed is noticed at once, because its connection closes. The value of process 0 counts.
    ///
    /// ```
    /// use std::time::Duration;
    /// let config = cotangent::distributed::Config::new("10.0.0.1:1234", 2, 0).heartbeat_timeout(Duration::from_secs(20));
    /// ```
    pub fn heartbeat_timeout(mut self, timeout: Duration) -> Config {
        self.heartbeat_timeout = timeout;
        self
    }

    /// Restricts this process to these GPUs of its host, by their position among those that CUDA sees. The default is all
    /// of them. Two processes of one host need different GPUs.
    ///
    /// ```
    /// let config = cotangent::distributed::Config::new("10.0.0.1:1234", 2, 1).local_devices([1]);
    /// ```
    pub fn local_devices(mut self, devices: impl IntoIterator<Item = usize>) -> Config {
        self.local_devices = Some(devices.into_iter().collect());
        self
    }

    /// Sets a function that runs as soon as the job has failed, on a thread of the library. A computation on several GPUs
    /// may wait for a lost process without end, so that its thread never sees the error; here, the process can end itself.
    ///
    /// ```
    /// let config = cotangent::distributed::Config::new("10.0.0.1:1234", 2, 1).on_failure(|error| {
    ///     eprintln!("{error}");
    ///     std::process::exit(1);
    /// });
    /// ```
    pub fn on_failure(mut self, f: impl FnOnce(&Error) + Send + 'static) -> Config {
        self.on_failure = Some(Box::new(f));
        self
    }

    /// Joins the job, and waits until all of its processes have.
    ///
    /// # Errors
    /// As [`initialize`](crate::distributed::initialize).
    ///
    /// ```no_run
    /// cotangent::distributed::Config::from_env()?.initialize()?;
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    #[track_caller]
    pub fn initialize(self) -> Result<()> {
        let caller = Location::caller();
        super::join(self).map_err(|error| error.at(caller))
    }

    /// Host and port of the coordinator.
    pub(crate) fn parts(&self) -> Result<(&str, u16)> {
        let parts = self.coordinator.rsplit_once(':').filter(|(host, _)| !host.is_empty());
        let parts = parts.and_then(|(host, port)| Some((host, port.parse::<u16>().ok().filter(|port| *port != 0)?)));
        parts.ok_or_else(|| {
            Error::value(format!("`{}` is not the address of a coordinator", self.coordinator))
                .help("write the host of process 0 and a free port, as in `10.0.0.1:1234`")
        })
    }

    /// # Errors
    /// If there can be no such process.
    pub(crate) fn check(&self) -> Result<()> {
        self.parts()?;
        if !(1..=MAX_PROCESSES).contains(&self.processes) {
            let message = format!("a job has 1 to {MAX_PROCESSES} processes, but {} were given", self.processes);
            return Err(Error::value(message));
        }
        if self.id >= self.processes {
            let (id, last) = (self.id, self.processes - 1);
            let message = format!("there is no process {id} in a job of {} processes", self.processes);
            return Err(Error::value(message).help(format!("processes are numbered from 0 to {last}")));
        }
        Ok(())
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("coordinator", &self.coordinator)
            .field("processes", &self.processes)
            .field("id", &self.id)
            .field("local_devices", &self.local_devices)
            .finish_non_exhaustive()
    }
}
