//! Other hosts, as the scripts of the tar.gz see them: for each an sshd on a loopback address, in a mount namespace of its own.
//! So the installation lies in the same place on all of them, and yet each has its own. Needs root.

use std::{fs, net::TcpStream, path::PathBuf, process::Command, time::Duration};

use anyhow::{Context, Result, ensure};
use tempfile::TempDir;

use crate::{installation::Installation, ports::free_port, process::Process, waiting::wait_until};

const SSHD: &str = "/usr/sbin/sshd";
const LIMIT: Duration = Duration::from_secs(20);

/// One of them. Its name is known to ssh only.
pub struct Host {
    name: String,
    /// Where its servers listen.
    pub address: String,
    port: u16,
    process: Option<Process>,
}

/// All of them, with the keys. Dropped they are gone; the servers of the installation are killed by that.
pub struct RemoteHosts {
    folder: TempDir,
    pub hosts: Vec<Host>,
}

impl RemoteHosts {
    /// Hosts of these names, each with a copy of what is installed so far. On each the environment is as on the first host
    /// of the installation, but for the address of its own servers (127.0.0.2 and so on), and that of the master, as `master`
    /// tells by the host's own.
    pub fn start(it: &Installation, names: &[&str], master: impl Fn(&str) -> String) -> Result<RemoteHosts> {
        let folder = tempfile::Builder::new().prefix("alluxio-hosts-").tempdir()?;
        for key in ["login", "host"] {
            let mut command = Command::new("ssh-keygen");
            command.args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(folder.path().join(key));
            ensure!(command.status().context("ssh-keygen")?.success(), "ssh-keygen failed");
        }
        let mut remote = RemoteHosts { folder, hosts: Vec::new() };
        for (number, name) in (2..).zip(names) {
            let address = format!("127.0.0.{number}");
            remote.hosts.push(Host { name: (*name).to_owned(), address, port: free_port()?, process: None });
        }
        for host in 0..names.len() {
            let master = master(&remote.hosts[host].address);
            remote.launch(host, it, &master)?;
        }
        remote.write_client_settings()?;
        Ok(remote)
    }

    /// What the scripts need to reach them: the value of ALLUXIO_SSH_OPTS.
    pub fn ssh_options(&self) -> String {
        format!("-F {}", self.folder.path().join("client").display())
    }

    /// The installation as that host has it.
    pub fn installed_at(&self, host: usize) -> PathBuf {
        self.folder.path().join(&self.hosts[host].name)
    }

    fn launch(&mut self, host: usize, it: &Installation, master: &str) -> Result<()> {
        let root = it.root()?;
        let copy = self.installed_at(host);
        let copied = Command::new("cp").arg("-a").arg(&root).arg(&copy).status()?;
        ensure!(copied.success(), "{} could not be copied", root.display());
        let folder = self.folder.path();
        let memory = it.memory().join(&self.hosts[host].name);
        fs::create_dir_all(&memory)?;
        let Host { name, address, port, process } = &mut self.hosts[host];
        let file = |name: &str| folder.join(name).display().to_string();
        let settings = format!(
            "ListenAddress {address}\nPort {port}\nHostKey {}\nAuthorizedKeysFile {}\nPidFile none\nUsePAM no\n\
             StrictModes no\nPasswordAuthentication no\nPermitRootLogin prohibit-password\n\
             SetEnv \"ALLUXIO_JAVA_OPTS={}\" \"ALLUXIO_RAM_FOLDER={}\"\n",
            file("host"),
            file("login.pub"),
            it.options(master, address),
            memory.display()
        );
        let settings_file = file(&format!("{name}.sshd"));
        fs::write(&settings_file, settings)?;
        // Its own place for what sshd wants to be there.
        let script = "mount --make-rprivate / && mount --bind \"$1\" \"$2\" && mount -t tmpfs tmpfs /run && mkdir /run/sshd \
                      && exec \"$3\" -D -e -f \"$4\"";
        let mut command = Command::new("unshare");
        command
            .args(["--mount", "sh", "-c", script, "sh"])
            .arg(&copy)
            .arg(&root)
            .arg(SSHD)
            .arg(&settings_file);
        *process =
            Some(Process::start(&format!("sshd of {name}"), command, &folder.join(format!("{name}.out")))?);
        let server = process.as_mut().context("no process")?;
        wait_until(LIMIT, "sshd listens", || {
            ensure!(server.ended()?.is_none(), "sshd of {name} ended:\n{}", server.last_lines());
            Ok(TcpStream::connect((address.as_str(), *port)).is_ok())
        })
    }

    fn write_client_settings(&self) -> Result<()> {
        let folder = self.folder.path().display();
        let mut settings = String::new();
        for Host { name, address, port, .. } in &self.hosts {
            settings.push_str(&format!("Host {name}\n  HostName {address}\n  Port {port}\n"));
        }
        settings.push_str(&format!(
            "Host *\n  IdentityFile {folder}/login\n  IdentitiesOnly yes\n  UserKnownHostsFile {folder}/known\n  LogLevel ERROR\n"
        ));
        fs::write(self.folder.path().join("client"), settings).context("the settings of ssh")
    }
}

/// Whether this process may do what the hosts need: root, and not of a user namespace only.
pub fn possible() -> bool {
    let all_users = |map: String| map.split_whitespace().nth(2) == Some("4294967295");
    nix::unistd::geteuid().is_root() && fs::read_to_string("/proc/self/uid_map").is_ok_and(all_users)
}
