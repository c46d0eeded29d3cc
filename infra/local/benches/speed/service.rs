//! The cheapest server that answers as Trakt does, and knows when each play arrived.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpListener, TcpStream};

use crate::client::read;

/// The id of the first film; the others follow.
pub(crate) const FIRST_ID: usize = 1_000_000;

const SETTINGS: &str = r#"{"user":{"username":"anna","ids":{"slug":"anna","uuid":"b6589fc6ab0dc82cf12099d1c2d40ab994e8410c"}}}"#;
const TOKENS: &str = r#"{"access_token":"access","token_type":"bearer","expires_in":604800,"refresh_token":"refresh","scope":"public","created_at":1790000000}"#;

/// The server, on a thread of its own.
#[derive(Clone)]
pub(crate) struct TraktLike {
    pub(crate) address: SocketAddr,
    seen: Arc<Seen>,
}

struct Seen {
    began: Instant,
    /// Microseconds after `began`, by film; 0 is not yet.
    arrivals: Vec<AtomicU64>,
    count: AtomicUsize,
    requests: AtomicUsize,
    last: AtomicU64,
}

impl TraktLike {
    /// Waits for so many films.
    pub(crate) async fn start(films: usize) -> Self {
        let seen = Arc::new(Seen {
            began: Instant::now(),
            arrivals: (0..films).map(|_| AtomicU64::new(0)).collect(),
            count: AtomicUsize::new(0),
            requests: AtomicUsize::new(0),
            last: AtomicU64::new(0),
        });
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let served = Arc::clone(&seen);
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async move {
                let listener = TcpListener::from_std(listener).unwrap();
                while let Ok((stream, _)) = listener.accept().await {
                    tokio::spawn(serve(stream, Arc::clone(&served)));
                }
            });
        });
        Self { address, seen }
    }

    /// Returns once so many plays arrived.
    pub(crate) async fn all_arrived(&self, plays: usize, most: Duration) {
        let end = Instant::now() + most;
        while self.seen.count.load(Ordering::SeqCst) < plays {
            let count = self.seen.count.load(Ordering::SeqCst);
            assert!(
                Instant::now() < end,
                "only {count} of {plays} plays arrived"
            );
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    pub(crate) fn arrived_at(&self, number: usize) -> Option<Instant> {
        let micros = self.seen.arrivals[number].load(Ordering::SeqCst);
        (micros > 0).then(|| self.seen.began + Duration::from_micros(micros))
    }

    pub(crate) fn last_arrival(&self) -> Instant {
        self.seen.began + Duration::from_micros(self.seen.last.load(Ordering::SeqCst))
    }

    pub(crate) fn requests(&self) -> usize {
        self.seen.requests.load(Ordering::SeqCst)
    }
}

impl Seen {
    /// Notes the films of a request and says how many they are. A play that comes twice ends the measurement.
    fn note(&self, body: &str) -> usize {
        const NAME: &str = "\"tmdb\":";
        let micros = u64::try_from(self.began.elapsed().as_micros()).unwrap();
        let mut count = 0;
        for (at, _) in body.match_indices(NAME) {
            let digits = body[at + NAME.len()..].split(|c: char| !c.is_ascii_digit());
            let id: usize = digits.into_iter().next().unwrap().parse().unwrap();
            let before = self.arrivals[id - FIRST_ID].swap(micros, Ordering::SeqCst);
            assert_eq!(before, 0, "film {id} came twice");
            count += 1;
        }
        self.last.fetch_max(micros, Ordering::SeqCst);
        self.requests.fetch_add(1, Ordering::SeqCst);
        self.count.fetch_add(count, Ordering::SeqCst);
        count
    }
}

async fn serve(mut stream: TcpStream, seen: Arc<Seen>) {
    let mut buffer = Vec::with_capacity(16_384);
    stream.set_nodelay(true).unwrap();
    while let Some(request) = read(&mut stream, &mut buffer).await {
        let path = request.head.split(' ').nth(1).unwrap_or_default();
        let (status, body) = match path {
            "/sync/history" => {
                let films = seen.note(&request.body);
                let none = r#"{"movies":[],"shows":[],"seasons":[],"episodes":[]}"#;
                let body =
                    format!(r#"{{"added":{{"movies":{films},"episodes":0}},"not_found":{none}}}"#);
                ("201 Created", body)
            }
            "/scrobble/stop" => {
                seen.note(&request.body);
                let film = r#"{"title":"Film","year":1999,"ids":{"trakt":1,"slug":"film"}}"#;
                let body = format!(
                    r#"{{"id":3373536619,"action":"scrobble","progress":90,"movie":{film}}}"#
                );
                ("201 Created", body)
            }
            "/users/settings" => ("200 OK", SETTINGS.to_owned()),
            "/oauth/token" => ("200 OK", TOKENS.to_owned()),
            // The echo, and what shows a start.
            _ => ("200 OK", "{}".to_owned()),
        };
        let length = body.len();
        let answer = format!(
            "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
        );
        if stream.write_all(answer.as_bytes()).await.is_err() {
            return;
        }
    }
}
