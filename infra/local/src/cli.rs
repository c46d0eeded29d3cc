//! The words of the command line.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use hub_domain::{Secret, Service, Source};
use url::Url;

/// The port at which the hub listens unless it is told otherwise.
pub const DEFAULT_PORT: u16 = 8080;
/// Where the hub listens unless it is told otherwise.
const DEFAULT_LISTEN: &str = "127.0.0.1:8080";

const EXAMPLES: &str = "\
Examples:
  hub demo                                  see all of it work, with simulated services
  hub serve                                 run the hub on this machine
  hub connect trakt                         sign in at a service, in a second terminal
  hub token webhook plex --account anna     the address to enter at Plex
  hub history                               what was played, and where it went

Settings are environment variables, or lines of a file `.env` in the data folder or in the
folder you are in. The data folder is ~/.local/share/scrobble-hub unless --data or HUB_DATA
name another.";

/// Takes plays in from media servers and delivers each to every connected service, once, with its true time.
#[derive(Debug, Parser)]
#[command(name = "hub", version, after_help = EXAMPLES, propagate_version = true)]
pub struct Arguments {
    /// What all commands take.
    #[command(flatten)]
    pub common: Common,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What all commands take.
#[derive(Debug, Args)]
pub struct Common {
    /// The folder in which the hub keeps everything.
    #[arg(
        long,
        global = true,
        value_name = "DIR",
        help = "The folder in which the hub keeps everything [default: HUB_DATA, else ~/.local/share/scrobble-hub]"
    )]
    pub data: Option<PathBuf>,
    /// Answers in JSON, for scripts
    #[arg(long, global = true)]
    pub json: bool,
}

/// Whom a command is about.
#[derive(Debug, Default, Args)]
pub struct Whom {
    /// The user's name or id; not needed while there is only one [default: the first user]
    #[arg(long, value_name = "NAME")]
    pub user: Option<String>,
}

/// What the hub can be asked to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Runs the hub on this machine until it is interrupted
    Serve(Serve),
    /// Plays every sample event against simulated services and shows where each play goes
    Demo(Demo),
    /// Connects a service, or says how to connect each
    Connect(Connect),
    /// Lists the services and their connections
    Connections(Whom),
    /// Disconnects a service; its plays stay in the hub's history
    Disconnect(Disconnect),
    /// Shows what was played, and how far each delivery got
    History(History),
    /// Makes, lists and revokes tokens and webhook addresses
    Token {
        /// What to do with tokens.
        #[command(subcommand)]
        command: TokenCommand,
    },
    /// Adds, lists and removes users; a hub for one person needs none of it
    User {
        /// What to do with users.
        #[command(subcommand)]
        command: UserCommand,
    },
}

/// Options of `hub serve`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  hub serve
  hub serve --listen 0.0.0.0:8080           for media servers on other machines
  TRAKT_CLIENT_ID=… hub serve               with a service's application

A token for the media server (SERVER_TOKEN) is made, kept and shown once unless you set one.")]
pub struct Serve {
    /// The address and port to listen on
    #[arg(long, value_name = "ADDRESS", default_value = DEFAULT_LISTEN)]
    pub listen: SocketAddr,
}

/// Options of `hub demo`.
#[derive(Debug, Args)]
#[command(after_help = "\
Nothing leaves this machine and nothing is kept: the services are simulated, the data is in memory,
and the clock is turned, so that six days of playing take seconds.

Examples:
  hub demo                                  then look at the simulated services' pages
  hub demo --once                           ends with 0 if every play arrived once, else with 1")]
pub struct Demo {
    /// Ends once all plays are settled: with 0 if each arrived once with its true time, else with 1
    #[arg(long)]
    pub once: bool,
    /// The address and port to listen on; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    pub listen: SocketAddr,
}

/// Options of `hub connect`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  hub connect                               which services there are and what each needs
  hub connect trakt                         shows a code to enter at trakt.tv
  hub connect simkl                         shows a code to enter at simkl.com/pin
  hub connect lastfm                        shows an address to open
  hub connect listenbrainz                  asks for the token of your ListenBrainz settings
  hub connect listenbrainz --url http://maloja.lan:42010/apis/listenbrainz --token …")]
pub struct Connect {
    /// Which one; `hub connect` alone lists them
    pub service: Option<Service>,
    /// ListenBrainz: your token; without it the command asks (or reads a line of its input)
    #[arg(long, value_parser = secret)]
    pub token: Option<Secret>,
    /// ListenBrainz: the address of a compatible server, such as Maloja or Koito
    #[arg(long)]
    pub url: Option<Url>,
    /// For whom.
    #[command(flatten)]
    pub whom: Whom,
}

/// Options of `hub disconnect`.
#[derive(Debug, Args)]
pub struct Disconnect {
    /// Which one; `hub connections` lists them
    pub service: Service,
    /// For whom.
    #[command(flatten)]
    pub whom: Whom,
}

/// Options of `hub history`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  hub history
  hub history --limit 100 --service trakt
  hub history --json | jq '.items[].title'")]
pub struct History {
    /// How many plays, the newest first
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub limit: u16,
    /// Only plays on their way to this service
    #[arg(long)]
    pub service: Option<Service>,
    /// Whose.
    #[command(flatten)]
    pub whom: Whom,
}

/// What a token may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Scope {
    /// Everything that its user may do
    Full,
    /// Hand in events, nothing else
    Ingest,
}

impl Scope {
    /// The scope's name in the API.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Ingest => "ingest",
        }
    }
}

/// What to do with tokens.
#[derive(Debug, Subcommand)]
pub enum TokenCommand {
    /// Makes a token for the API; it is shown this once
    Create {
        /// What it may do
        #[arg(long, value_enum, default_value = "full")]
        scope: Scope,
        /// What you call it
        #[arg(long, default_value = "made at the terminal")]
        name: String,
        /// Whose.
        #[command(flatten)]
        whom: Whom,
    },
    /// Makes the address that a media server posts to; it is shown this once
    #[command(after_help = "\
Examples:
  hub token webhook plex --account anna
  hub token webhook jellyfin --account anna
  hub token webhook kodi

With --account only that account's plays count as yours; other accounts' are set aside.")]
    Webhook {
        /// plex, jellyfin, emby, tautulli or kodi
        #[arg(value_parser = webhook_source)]
        source: Source,
        /// Your account's name at the media server
        #[arg(long, value_name = "NAME")]
        account: Option<String>,
        /// What you call it [default: the source and the account]
        #[arg(long)]
        name: Option<String>,
        /// Whose.
        #[command(flatten)]
        whom: Whom,
    },
    /// Lists tokens and webhook addresses, without their secrets
    List(Whom),
    /// Ends a token at once
    Revoke {
        /// The id that `hub token list` shows
        id: String,
        /// Whose.
        #[command(flatten)]
        whom: Whom,
    },
}

/// What to do with users.
#[derive(Debug, Subcommand)]
pub enum UserCommand {
    /// Adds a user
    Add {
        /// What the hub calls them
        name: String,
    },
    /// Lists the users
    List,
    /// Erases a user with all that the hub keeps of them
    Remove {
        /// The name or the id that `hub user list` shows
        name: String,
        /// Does not ask
        #[arg(long)]
        yes: bool,
    },
}

fn secret(text: &str) -> Result<Secret, std::convert::Infallible> {
    Ok(Secret::new(text))
}

fn webhook_source(text: &str) -> Result<Source, String> {
    let known = Source::WEBHOOKS
        .into_iter()
        .find(|source| source.name() == text);
    known.ok_or_else(|| {
        let names: Vec<&str> = Source::WEBHOOKS
            .iter()
            .map(|source| source.name())
            .collect();
        format!("there is {}", names.join(", "))
    })
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    fn parse(line: &str) -> Result<Arguments, clap::Error> {
        Arguments::try_parse_from(line.split_whitespace())
    }

    #[test]
    fn the_command_line_is_well_formed() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn serving_listens_on_this_machine_alone_unless_it_is_told_otherwise() {
        let Command::Serve(serve) = parse("hub serve").unwrap().command else {
            panic!()
        };
        assert_eq!(
            serve.listen,
            SocketAddr::from(([127, 0, 0, 1], DEFAULT_PORT))
        );
        let arguments = parse("hub serve --listen 0.0.0.0:9000 --data /tmp/hub").unwrap();
        assert_eq!(arguments.common.data, Some(PathBuf::from("/tmp/hub")));
        let Command::Serve(serve) = arguments.command else {
            panic!()
        };
        assert_eq!(serve.listen, "0.0.0.0:9000".parse().unwrap());
    }

    #[test]
    fn a_webhook_address_names_its_source_and_may_name_an_account() {
        let arguments = parse("hub token webhook plex --account anna --user anna").unwrap();
        let Command::Token {
            command:
                TokenCommand::Webhook {
                    source,
                    account,
                    whom,
                    ..
                },
        } = arguments.command
        else {
            panic!()
        };
        assert_eq!(
            (source, account.as_deref(), whom.user.as_deref()),
            (Source::Plex, Some("anna"), Some("anna"))
        );
    }

    #[test]
    fn wrong_usage_is_told_apart_from_failure_by_its_exit_code() {
        for line in [
            "hub",
            "hub connect myspace",
            "hub serve --listen here",
            "hub history --limit 0",
            "hub token",
            "hub token webhook queue",
        ] {
            assert_eq!(parse(line).unwrap_err().exit_code(), 2, "{line}");
        }
    }

    #[test]
    fn every_command_has_help_that_ends_well() {
        fn walk(command: &mut clap::Command) {
            assert!(
                command.get_about().is_some(),
                "{} says what it does",
                command.get_name()
            );
            assert!(!command.render_long_help().to_string().is_empty());
            for inner in command
                .get_subcommands_mut()
                .filter(|inner| inner.get_name() != "help")
            {
                walk(inner);
            }
        }
        walk(&mut Arguments::command());
    }

    #[test]
    fn json_may_stand_anywhere() {
        assert!(parse("hub --json history").unwrap().common.json);
        assert!(parse("hub history --json").unwrap().common.json);
    }
}
