//! The data folder: where it is, and which hub runs on it.
//!
//! Besides the files of the embedded services it holds `running.json` while a hub runs: its address and the token it
//! takes, so that the other commands find it. A file that a killed hub left behind says nothing; whether one runs is
//! told by the folder's lock alone.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use hub_domain::Secret;
use serde::{Deserialize, Serialize};
use url::Url;

use crate::failure::Failure;

const RUNNING: &str = "running.json";

/// The folder in which everything of one hub is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataFolder {
    path: PathBuf,
    /// Named on the command line, so that other commands have to name it, too.
    is_named: bool,
}

/// A hub that runs on the folder.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Running {
    /// Where it answers.
    pub url: Url,
    /// The server token that it takes.
    pub server_token: Secret,
}

impl DataFolder {
    /// The folder that is named, else `HUB_DATA`, else the place that the XDG specification gives.
    ///
    /// Source: <https://specifications.freedesktop.org/basedir-spec/latest/>
    ///
    /// # Errors
    ///
    /// Where none is named and there is no home.
    pub fn choose(
        named: Option<&Path>,
        lookup: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Self, Failure> {
        let variable = |name: &str| {
            lookup(name)
                .filter(|text| !text.trim().is_empty())
                .map(PathBuf::from)
        };
        // A relative XDG_DATA_HOME is to be ignored, says the specification.
        let shared = variable("XDG_DATA_HOME").filter(|path| path.is_absolute());
        let home = || variable("HOME").map(|home| home.join(".local/share"));
        let folder = named
            .map(Path::to_path_buf)
            .or_else(|| variable("HUB_DATA"))
            .or_else(|| {
                let data = shared.or_else(home)?;
                Some(data.join("scrobble-hub"))
            });
        folder.map(|path| Self { path, is_named: named.is_some() }).ok_or_else(|| {
            Failure::new("There is no home folder to keep the hub's data in: name a folder with --data or HUB_DATA.")
        })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What other commands need to find it: ` --data …`, or nothing.
    pub fn option(&self) -> String {
        if self.is_named {
            format!(" --data {}", self.path.display())
        } else {
            String::new()
        }
    }

    /// What the running hub wrote about itself, if anything.
    pub fn running(&self) -> Option<Running> {
        let bytes = fs::read(self.path.join(RUNNING)).ok()?;
        serde_json::from_slice(&bytes).ok()
    }

    /// Writes down where the hub runs, for its owner's eyes only.
    ///
    /// # Errors
    ///
    /// The file cannot be written.
    pub fn write_running(&self, running: &Running) -> io::Result<()> {
        self.forget_running();
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(self.path.join(RUNNING))?;
        file.write_all(&serde_json::to_vec(running)?)
    }

    /// Removes what was written; only the hub that holds the folder's lock may.
    pub fn forget_running(&self) {
        // It may not be there, and what is left over tells nobody anything.
        let _ = fs::remove_file(self.path.join(RUNNING));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(named: Option<&str>, variables: &[(&str, &str)]) -> Result<PathBuf, Failure> {
        let lookup = |name: &str| {
            variables
                .iter()
                .find(|(key, _)| *key == name)
                .map(|(_, text)| (*text).to_owned())
        };
        DataFolder::choose(named.map(Path::new), &lookup).map(|folder| folder.path)
    }

    #[test]
    fn the_folder_is_the_named_one_else_the_variables_else_xdgs() {
        let all = [
            ("HUB_DATA", "/srv/hub"),
            ("XDG_DATA_HOME", "/data"),
            ("HOME", "/home/anna"),
        ];
        assert_eq!(chosen(Some("here"), &all), Ok("here".into()));
        assert_eq!(chosen(None, &all), Ok("/srv/hub".into()));
        assert_eq!(chosen(None, &all[1..]), Ok("/data/scrobble-hub".into()));
        assert_eq!(
            chosen(None, &all[2..]),
            Ok("/home/anna/.local/share/scrobble-hub".into())
        );
        let relative = [("XDG_DATA_HOME", "data"), ("HOME", "/home/anna")];
        assert_eq!(
            chosen(None, &relative),
            Ok("/home/anna/.local/share/scrobble-hub".into())
        );
        assert!(chosen(None, &[("HUB_DATA", " ")]).is_err());
    }

    fn folder(place: &tempfile::TempDir) -> DataFolder {
        DataFolder::choose(Some(place.path()), &|_| None).unwrap()
    }

    #[test]
    fn other_commands_have_to_name_a_folder_that_was_named() {
        let lookup = |name: &str| (name == "HUB_DATA").then(|| "/srv/hub".to_owned());
        assert_eq!(DataFolder::choose(None, &lookup).unwrap().option(), "");
        assert_eq!(
            DataFolder::choose(Some(Path::new("/tmp/x")), &lookup)
                .unwrap()
                .option(),
            " --data /tmp/x"
        );
    }

    #[test]
    fn a_running_hub_is_found_by_what_it_wrote_and_the_file_is_its_owners_alone() {
        let place = tempfile::tempdir().unwrap();
        let folder = folder(&place);
        assert_eq!(folder.running(), None);
        let running = Running {
            url: Url::parse("http://127.0.0.1:8080").unwrap(),
            server_token: Secret::new("correct-horse"),
        };
        folder.write_running(&running).unwrap();
        folder.write_running(&running).unwrap();
        assert_eq!(folder.running(), Some(running));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = fs::metadata(place.path().join(RUNNING))
                .unwrap()
                .permissions()
                .mode();
            assert_eq!(mode & 0o777, 0o600);
        }
        folder.forget_running();
        assert_eq!(folder.running(), None);
    }

    #[test]
    fn what_a_crash_cut_short_says_nothing() {
        let place = tempfile::tempdir().unwrap();
        fs::write(place.path().join(RUNNING), "{\"url\":").unwrap();
        assert_eq!(folder(&place).running(), None);
    }
}
