//! The cheapest HTTP client that will do: one keep-alive connection, one request at a time.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// A connection.
pub(crate) struct Client {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Client {
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        Self::try_connect(address).await.unwrap()
    }

    pub(crate) async fn try_connect(address: SocketAddr) -> std::io::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            buffer: Vec::with_capacity(4096),
        })
    }

    pub(crate) async fn post(&mut self, path: &str, headers: &str, body: &str) -> (u16, String) {
        let head = "content-type: application/json\r\n";
        let length = body.len();
        let request = format!(
            "POST {path} HTTP/1.1\r\nhost: hub\r\n{head}{headers}content-length: {length}\r\n\r\n{body}"
        );
        self.ask(&request).await
    }

    pub(crate) async fn get(&mut self, path: &str, headers: &str) -> (u16, String) {
        let request = format!("GET {path} HTTP/1.1\r\nhost: hub\r\n{headers}\r\n");
        self.ask(&request).await
    }

    async fn ask(&mut self, request: &str) -> (u16, String) {
        self.stream.write_all(request.as_bytes()).await.unwrap();
        let message = read(&mut self.stream, &mut self.buffer).await.unwrap();
        let status = message.head[9..12].parse().unwrap();
        (status, message.body)
    }
}

/// One request or answer.
pub(crate) struct Message {
    pub(crate) head: String,
    pub(crate) body: String,
}

/// Reads one message with a `content-length`, or none; `None` at the end of the connection.
pub(crate) async fn read(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Option<Message> {
    loop {
        if let Some(end) = buffer.windows(4).position(|four| four == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&buffer[..end]).into_owned();
            let length = head
                .lines()
                .filter_map(|line| line.split_once(':'))
                .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
                .map_or(0, |(_, length)| length.trim().parse().unwrap());
            let whole = end + 4 + length;
            while buffer.len() < whole {
                if stream.read_buf(buffer).await.ok()? == 0 {
                    return None;
                }
            }
            let body = String::from_utf8_lossy(&buffer[end + 4..whole]).into_owned();
            buffer.drain(..whole);
            return Some(Message { head, body });
        }
        if stream.read_buf(buffer).await.ok()? == 0 {
            return None;
        }
    }
}
