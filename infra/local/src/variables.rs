//! The variables of one machine: the environment, files named `.env`, and what a local hub assumes.
//!
//! Earlier ones win: the environment, `.env` where the command was called, `.env` in the data folder, the secrets kept
//! in the data folder, the local defaults.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;

use hub_runtime::random::random_word;
use hub_runtime::sealing::SealingKey;

use crate::aws::Secrets;
use crate::failure::Failure;
use crate::folder::DataFolder;

/// The name of the one table.
const TABLE: &str = "scrobble-hub";
/// What a made server token begins with, so that people see which one they hold.
const SERVER_TOKEN_BEGINNING: &str = "hubs_";

/// Looks variables up, the first that has one wins.
#[derive(Debug, Clone, Default)]
pub struct Variables {
    layers: Vec<BTreeMap<String, String>>,
    reads_environment: bool,
}

/// What the hub calls itself and is called with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServerTokenWasMade(pub bool);

impl Variables {
    /// The environment, and the `.env` files of the folder the command was called in and of the data folder.
    ///
    /// # Errors
    ///
    /// A file cannot be read or understood; no part of it is shown.
    pub fn read(folder: &DataFolder) -> Result<Self, Failure> {
        let mut layers = Vec::new();
        for file in [Path::new(".env").to_path_buf(), folder.path().join(".env")] {
            layers.push(read_file(&file)?);
        }
        Ok(Self {
            layers,
            reads_environment: true,
        })
    }

    /// Variables that are given, and none of the environment's: for tests and the demonstration.
    pub fn given<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let own = |(name, text): (&str, &str)| (name.to_owned(), text.to_owned());
        Self {
            layers: vec![pairs.into_iter().map(own).collect()],
            reads_environment: false,
        }
    }

    /// The text of a variable, empty ones left out.
    pub fn get(&self, name: &str) -> Option<String> {
        let environment = self.reads_environment.then(|| environment(name)).flatten();
        let written = |text: &String| !text.trim().is_empty();
        environment.filter(written).or_else(|| {
            self.layers
                .iter()
                .find_map(|layer| layer.get(name).filter(|text| written(text)).cloned())
        })
    }

    /// Adds what a hub on one machine has unless something else was said, and keeps what it makes among the secrets.
    ///
    /// # Errors
    ///
    /// A secret that was made cannot be kept.
    pub fn with_local_defaults(
        &mut self,
        secrets: &Secrets,
        listens_at: SocketAddr,
    ) -> Result<ServerTokenWasMade, Failure> {
        let mut defaults = BTreeMap::from([
            ("TABLE_NAME".to_owned(), TABLE.to_owned()),
            ("ALLOW_PRIVATE_ADDRESSES".to_owned(), "true".to_owned()),
            ("PUBLIC_URL".to_owned(), local_url(listens_at)),
        ]);
        let mut kept = |name: &str, make: &dyn Fn() -> String| -> Result<bool, Failure> {
            if self.get(name).is_some() {
                return Ok(false);
            }
            let known = secrets.get(name);
            let is_made = known.is_none();
            let text = known.unwrap_or_else(make);
            if is_made {
                secrets.put(name, &text).map_err(|error| {
                    Failure::because(
                        "What the hub made for itself cannot be kept in the data folder",
                        &error,
                    )
                })?;
            }
            defaults.insert(name.to_owned(), text);
            Ok(is_made)
        };
        kept("SEALING_KEYS", &|| {
            // The id is one that the key's own rules allow, so there is always a key.
            SealingKey::random("local")
                .map(|key| key.spelled().reveal().to_owned())
                .unwrap_or_default()
        })?;
        let is_made = kept("SERVER_TOKEN", &|| {
            format!("{SERVER_TOKEN_BEGINNING}{}", random_word())
        })?;
        self.layers.push(defaults);
        Ok(ServerTokenWasMade(is_made))
    }
}

/// The address under which this machine reaches what listens there.
pub fn local_url(listens_at: SocketAddr) -> String {
    let ip = match listens_at.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip @ (IpAddr::V4(_) | IpAddr::V6(_)) => ip,
    };
    format!("http://{}", SocketAddr::new(ip, listens_at.port()))
}

/// A variable of the process.
pub fn environment(name: &str) -> Option<String> {
    // Not silently left out where it is no UTF-8: the replaced letters make a word wrong where its form matters.
    std::env::var_os(name).map(|text| text.to_string_lossy().into_owned())
}

fn read_file(path: &Path) -> Result<BTreeMap<String, String>, Failure> {
    let not_understood = |why: &str| Failure::new(format!("The file {} {why}.", path.display()));
    let pairs = match dotenvy::from_path_iter(path) {
        Ok(pairs) => pairs,
        Err(error) if error.not_found() => return Ok(BTreeMap::new()),
        Err(_) => return Err(not_understood("cannot be read")),
    };
    let mut layer = BTreeMap::new();
    for (at, pair) in pairs.enumerate() {
        // The parser's own words show the line, which may hold a secret.
        let (name, text) = pair.map_err(|_| {
            not_understood(&format!(
                "is not understood after its {at} first settings: each is NAME=text on a line"
            ))
        })?;
        // As in most readers of such files, the first of two wins.
        layer.entry(name).or_insert(text);
    }
    Ok(layer)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use hub_runtime::Settings;

    use super::*;

    async fn secrets(folder: Option<&Path>) -> Secrets {
        Secrets::open(folder.map(|folder| folder.join("secrets.json")).as_deref()).unwrap()
    }

    fn read(variables: &Variables) -> Settings {
        Settings::read(&|name| variables.get(name)).unwrap()
    }

    fn listens_at() -> SocketAddr {
        "0.0.0.0:8080".parse().unwrap()
    }

    #[tokio::test]
    async fn a_local_hub_needs_no_setting_at_all() {
        let mut variables = Variables::given([]);
        let made = variables
            .with_local_defaults(&secrets(None).await, listens_at())
            .unwrap();
        assert_eq!(made, ServerTokenWasMade(true));
        let settings = read(&variables);
        assert_eq!(settings.table(), Ok(TABLE));
        assert!(settings.allow_private_addresses && settings.sealing().is_ok());
        assert_eq!(
            settings.public_url.unwrap().as_str(),
            "http://127.0.0.1:8080/"
        );
        assert!(
            settings
                .server_token
                .unwrap()
                .reveal()
                .starts_with(SERVER_TOKEN_BEGINNING)
        );
    }

    #[tokio::test]
    async fn what_was_set_stands_and_nothing_is_made_for_it() {
        let mut variables = Variables::given([
            ("SERVER_TOKEN", "correct-horse"),
            ("PUBLIC_URL", "https://hub.example"),
            ("ALLOW_PRIVATE_ADDRESSES", "false"),
        ]);
        let secrets = secrets(None).await;
        let made = variables
            .with_local_defaults(&secrets, listens_at())
            .unwrap();
        assert_eq!(
            (made, secrets.get("SERVER_TOKEN")),
            (ServerTokenWasMade(false), None)
        );
        let settings = read(&variables);
        assert_eq!(settings.server_token.unwrap().reveal(), "correct-horse");
        assert!(!settings.allow_private_addresses);
    }

    #[tokio::test]
    async fn what_was_made_is_kept_and_is_the_same_after_a_restart() {
        let place = tempfile::tempdir().unwrap();
        let mut both = Vec::new();
        for is_made in [true, false] {
            let mut variables = Variables::given([]);
            let secrets = secrets(Some(place.path())).await;
            let made = variables
                .with_local_defaults(&secrets, listens_at())
                .unwrap();
            assert_eq!(made, ServerTokenWasMade(is_made));
            both.push((
                variables.get("SERVER_TOKEN").unwrap(),
                variables.get("SEALING_KEYS").unwrap(),
            ));
        }
        assert_eq!(both[0], both[1]);
    }

    #[test]
    fn an_env_file_in_the_data_folder_is_read() {
        let place = tempfile::tempdir().unwrap();
        fs::write(
            place.path().join(".env"),
            "# mine\nLASTFM_API_KEY=\"abc\"\nEMPTY=\n",
        )
        .unwrap();
        let layer = read_file(&place.path().join(".env")).unwrap();
        let variables = Variables {
            layers: vec![layer],
            reads_environment: false,
        };
        assert_eq!(variables.get("LASTFM_API_KEY").as_deref(), Some("abc"));
        assert_eq!(variables.get("EMPTY"), None);
        assert_eq!(read_file(&place.path().join("none")), Ok(BTreeMap::new()));
    }

    #[test]
    fn a_file_that_is_not_understood_is_named_and_not_shown() {
        let place = tempfile::tempdir().unwrap();
        fs::write(place.path().join(".env"), "A=1\nhunter2 is my secret\n").unwrap();
        let sentence = read_file(&place.path().join(".env"))
            .unwrap_err()
            .to_string();
        assert!(
            sentence.contains(".env is not understood after its 1 first settings"),
            "{sentence}"
        );
        assert!(!sentence.contains("hunter2"));
    }

    #[test]
    fn a_hub_that_listens_everywhere_is_reached_here_through_loopback() {
        assert_eq!(
            local_url("0.0.0.0:80".parse().unwrap()),
            "http://127.0.0.1:80"
        );
        assert_eq!(local_url("[::]:81".parse().unwrap()), "http://[::1]:81");
        assert_eq!(
            local_url("192.168.1.2:8080".parse().unwrap()),
            "http://192.168.1.2:8080"
        );
    }
}
