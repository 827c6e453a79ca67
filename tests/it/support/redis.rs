//! Real Redis servers for one test: alone, as a cluster, or watched by a Sentinel. Each has a folder and free ports of
//! its own, and ends by its process id when it is dropped.
//!
//! Where there is no `redis-server` on the PATH a test says that it is skipped; with `CI` set it fails.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    fs,
    net::{TcpListener, TcpStream},
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
    thread,
    time::{Duration, Instant},
};

/// The longest that a server, a cluster or a fail-over may take to be there.
const PATIENCE: Duration = Duration::from_secs(30);

/// Whether there is a `redis-server`; says so where there is none.
pub fn is_installed() -> bool {
    let found = Command::new("redis-server").arg("--version").stdout(Stdio::null()).status().is_ok();
    if !found {
        assert!(std::env::var_os("CI").is_none(), "redis-server is not on the PATH, and CI is set");
        #[expect(clippy::print_stderr, reason = "who runs the tests should know what was not tested")]
        {
            eprintln!("skipped: redis-server is not on the PATH");
        }
    }
    found
}

/// One server. What it has acknowledged is on its disk: it may be killed and started again.
pub struct Server {
    pub port: u16,
    folder: PathBuf,
    options: Vec<String>,
    child: Option<Child>,
}

impl Server {
    /// A server that answers; `None` where there is no Redis to be had.
    pub fn start() -> Option<Self> {
        Self::with(&[])
    }

    /// One with options besides, as they are written on its command line.
    pub fn with(options: &[&str]) -> Option<Self> {
        is_installed().then(|| Self::launch(folder(), free_port(), options))
    }

    fn launch(folder: PathBuf, port: u16, options: &[&str]) -> Self {
        let options = options.iter().map(|option| (*option).to_owned()).collect();
        let mut server = Self { port, folder, options, child: None };
        server.restart();
        server
    }

    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Its folder, for whatever its options name.
    pub fn folder(&self) -> &PathBuf {
        &self.folder
    }

    /// Ends it at once, as a crash would.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _gone = child.kill();
            let _status = child.wait();
        }
    }

    /// Starts it again on the same port with what was on its disk.
    pub fn restart(&mut self) {
        self.kill();
        let port = self.port.to_string();
        let mut command = Command::new("redis-server");
        // A Sentinel takes a file, which comes first.
        let (first, rest): (Vec<_>, Vec<_>) = self
            .options
            .iter()
            .partition(|option| option.ends_with("sentinel.conf") || *option == "--sentinel");
        command.args(first).args(["--port", &port, "--bind", "127.0.0.1", "--dir"]).arg(&self.folder);
        if !self.options.iter().any(|option| option == "--sentinel") {
            command.args(["--save", "", "--appendonly", "yes", "--appendfsync", "always"]);
        }
        let log = fs::File::create(self.folder.join("log")).unwrap();
        command.args(rest).stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        self.child = Some(command.spawn().unwrap());
        until("redis-server answers", || {
            // With a password, or TLS alone, it answers something else; it answers.
            TcpStream::connect(("127.0.0.1", self.port)).is_ok() && !self.cli(&["ping"]).contains("LOADING")
        });
    }

    /// What `redis-cli` says.
    pub fn cli(&self, args: &[&str]) -> String {
        let output = Command::new("redis-cli")
            .args(["-h", "127.0.0.1", "-p", &self.port.to_string()])
            .args(args)
            .output()
            .unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
        let _left = fs::remove_dir_all(&self.folder);
    }
}

/// Three masters that share all slots.
pub struct Cluster {
    pub nodes: Vec<Server>,
}

impl Cluster {
    pub fn start() -> Option<Self> {
        const SLOTS: [(&str, &str); 3] = [("0", "5460"), ("5461", "10922"), ("10923", "16383")];
        let mut nodes = Vec::new();
        for slots in SLOTS {
            let bus = free_port().to_string();
            let options =
                ["--cluster-enabled", "yes", "--cluster-port", &bus, "--cluster-node-timeout", "2000"];
            let node = Server::with(&options)?;
            assert!(node.cli(&["cluster", "addslotsrange", slots.0, slots.1]).contains("OK"));
            node.cli(&["cluster", "set-config-epoch", &(nodes.len() + 1).to_string()]);
            nodes.push((node, bus));
        }
        let first = nodes[0].0.port.to_string();
        for (node, _) in &nodes[1..] {
            assert!(node.cli(&["cluster", "meet", "127.0.0.1", &first, &nodes[0].1]).contains("OK"));
        }
        let nodes: Vec<Server> = nodes.into_iter().map(|(node, _)| node).collect();
        until("the cluster is whole", || {
            nodes.iter().all(|node| {
                let info = node.cli(&["cluster", "info"]);
                info.contains("cluster_state:ok") && info.contains("cluster_known_nodes:3")
            })
        });
        Some(Self { nodes })
    }

    pub fn urls(&self) -> Vec<String> {
        self.nodes.iter().map(Server::url).collect()
    }

    /// Moves a slot with its keys from the node that has it to the next one, as a resharding does.
    pub fn move_slot(&self, slot: u16) {
        let slot = slot.to_string();
        let ids: Vec<String> =
            self.nodes.iter().map(|node| node.cli(&["cluster", "myid"]).trim().to_owned()).collect();
        let owner = self
            .nodes
            .iter()
            .position(|node| node.cli(&["cluster", "countkeysinslot", &slot]).trim() != "0")
            .unwrap_or(usize::from(slot.parse::<u16>().unwrap()) / 5461);
        let target = (owner + 1) % self.nodes.len();
        let (from, to) = (&self.nodes[owner], &self.nodes[target]);
        to.cli(&["cluster", "setslot", &slot, "importing", &ids[owner]]);
        from.cli(&["cluster", "setslot", &slot, "migrating", &ids[target]]);
        for key in from.cli(&["cluster", "getkeysinslot", &slot, "1000"]).lines() {
            from.cli(&["migrate", "127.0.0.1", &to.port.to_string(), key, "0", "5000"]);
        }
        for node in [to, from] {
            node.cli(&["cluster", "setslot", &slot, "node", &ids[target]]);
        }
    }
}

/// A master and its replica, and a Sentinel that makes the one the other.
pub struct Sentinels {
    pub servers: [Server; 2],
    pub sentinel: Server,
}

impl Sentinels {
    pub fn start() -> Option<Self> {
        let master = Server::start()?;
        let port = master.port.to_string();
        let replica = Server::with(&["--replicaof", "127.0.0.1", &port])?;
        until("the replica follows", || replica.cli(&["info", "replication"]).contains("link_status:up"));
        let folder = folder();
        let file = folder.join("sentinel.conf");
        let conf = format!(
            "sentinel monitor mymaster 127.0.0.1 {port} 1\n\
             sentinel down-after-milliseconds mymaster 300\n\
             sentinel failover-timeout mymaster 3000\n"
        );
        fs::write(&file, conf).unwrap();
        let sentinel = Server::launch(folder, free_port(), &[file.to_str().unwrap(), "--sentinel"]);
        until("the Sentinel knows the replica", || {
            sentinel.cli(&["sentinel", "replicas", "mymaster"]).contains(&replica.port.to_string())
        });
        Some(Self { servers: [master, replica], sentinel })
    }

    /// Kills the master and waits until the Sentinel has made the replica one.
    pub fn fail_over(&mut self) {
        self.servers[0].kill();
        until("the replica is master", || {
            self.servers[1].cli(&["info", "replication"]).contains("role:master")
        });
    }
}

fn folder() -> PathBuf {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    let folder = std::env::temp_dir().join(format!("trae-redis-{}-{number}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    folder
}

fn free_port() -> u16 {
    TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port()
}

/// Only the operating system knows when: processes start and end in their own time.
pub fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < PATIENCE, "still not so after {PATIENCE:?}: {what}");
        thread::sleep(Duration::from_millis(10));
    }
}
