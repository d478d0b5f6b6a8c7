//! For tests: a site file, environment variables and arguments to load from.

use std::fs;
use std::path::PathBuf;

use tempfile::TempDir;

use crate::{ConfError, Configuration, Environment, Loaded, Machine, Role, SITE_FILE};

/// A place with a site file, variables and arguments.
pub(crate) struct Site {
    pub dir: TempDir,
    environment: Environment,
    args: Vec<String>,
}

impl Site {
    pub fn new(file: &str) -> Self {
        let site = Self {
            dir: TempDir::new().expect("a folder"),
            environment: Environment::default(),
            args: vec![],
        };
        fs::write(site.path(), file).expect("written");
        let home = site.dir.path().join("home").to_string_lossy().into_owned();
        let machine = Machine { cpus: 2, memory: 3 << 30, user_home: home, user_name: "ada".to_owned() };
        let site = Self { environment: Environment { machine, ..Environment::default() }, ..site };
        let conf_dir = site.dir.path().to_string_lossy().into_owned();
        site.variable("ALLUXIO_CONF_DIR", &conf_dir)
    }

    pub fn path(&self) -> PathBuf {
        self.dir.path().join(SITE_FILE)
    }

    pub fn variable(mut self, name: &str, value: &str) -> Self {
        self.environment.variables.insert(name.to_owned(), value.to_owned());
        self
    }

    pub fn args(mut self, args: &[&str]) -> Self {
        self.args = args.iter().map(|arg| (*arg).to_owned()).collect();
        self
    }

    pub fn load(&self, role: Role) -> Result<Loaded, ConfError> {
        Configuration::load_in(role, self.args.clone(), &self.environment)
    }

    pub fn loaded(&self) -> Loaded {
        self.load(Role::Client).unwrap_or_else(|error| panic!("{error}"))
    }

    /// The one line that the user sees.
    pub fn error(&self) -> String {
        self.load(Role::Client).map_or_else(|error| error.to_string(), |_| "no error".to_owned())
    }
}
