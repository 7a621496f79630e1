//! A listener on loopback for the one redirect that ends a sign-in in a browser. Every request gets a fixed page, none
//! of whose words come from the request.

use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

/// Bytes of a request that are read.
const REQUEST_MAX: usize = 16 << 10;
/// A request comes within this.
const REQUEST_TIME: Duration = Duration::from_secs(5);
/// Further ports that are tried where one is taken.
const TRIES: u32 = 16;

/// Listens at a port that nobody else has, on both loopback addresses where there are both: a browser takes either for
/// `localhost`.
#[derive(Debug)]
pub struct Loopback {
    listeners: Vec<TcpListener>,
    pub port: u16,
}

impl Loopback {
    /// Begins to listen at a random port.
    ///
    /// # Errors
    /// The system gives no port.
    pub fn open() -> io::Result<Loopback> {
        let mut left = TRIES;
        loop {
            let first = TcpListener::bind((IpAddr::V4(Ipv4Addr::LOCALHOST), 0))?;
            match Loopback::with(first) {
                Err(error) if error.kind() == io::ErrorKind::AddrInUse && left > 0 => left -= 1,
                opened => return opened,
            }
        }
    }

    /// Fails where another process has the other address of this port: the browser might bring the answer there.
    fn with(first: TcpListener) -> io::Result<Loopback> {
        let port = first.local_addr()?.port();
        let second = match TcpListener::bind((IpAddr::V6(Ipv6Addr::LOCALHOST), port)) {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => return Err(error),
            bound => bound.ok(),
        };
        let listeners: Vec<TcpListener> = std::iter::once(first).chain(second).collect();
        for listener in &listeners {
            listener.set_nonblocking(true)?;
        }
        Ok(Loopback { listeners, port })
    }

    /// The query of the next request that `is_wanted`, if one has come; it is told that all is well, and others that they
    /// are not what is waited for.
    pub fn next(&self, is_wanted: &dyn Fn(&str) -> bool) -> Option<String> {
        self.listeners.iter().find_map(|listener| {
            let (mut stream, _) = listener.accept().ok()?;
            let query = read(&mut stream).unwrap_or_default();
            let wanted = is_wanted(&query);
            let _ = stream.write_all(page(wanted).as_bytes());
            let _ = stream.shutdown(std::net::Shutdown::Write);
            Some(query).filter(|_| wanted)
        })
    }
}

/// What stands after `?` in the first line of a GET request.
fn read(stream: &mut TcpStream) -> io::Result<String> {
    stream.set_nonblocking(false)?;
    stream.set_read_timeout(Some(REQUEST_TIME))?;
    stream.set_write_timeout(Some(REQUEST_TIME))?;
    let end = Instant::now() + REQUEST_TIME;
    let mut request = Vec::new();
    let mut block = [0; 1024];
    while request.len() < REQUEST_MAX && !request.windows(4).any(|four| four == b"\r\n\r\n") && Instant::now() < end {
        let count = stream.read(&mut block)?;
        if count == 0 {
            break;
        }
        request.extend_from_slice(block.get(..count).unwrap_or_default());
    }
    let text = String::from_utf8_lossy(&request);
    let target = text.lines().next().and_then(|line| line.strip_prefix("GET ")).and_then(|line| line.split(' ').next());
    Ok(target.and_then(|target| target.split_once('?')).map(|(_, query)| query.to_owned()).unwrap_or_default())
}

fn page(wanted: bool) -> String {
    let (status, text) = match wanted {
        true => ("200 OK", "The answer has arrived. Close this window and look at the terminal."),
        false => ("404 Not Found", "This is not the answer that espomail waits for."),
    };
    let body = format!("<!doctype html><meta charset=utf-8><title>espomail</title><p>{text}</p>\n");
    format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: {}\r\nCache-Control: no-store\r\n\
         Referrer-Policy: no-referrer\r\nContent-Security-Policy: default-src 'none'\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn ask(port: u16, request: &str) -> TcpStream {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        stream
    }

    #[test]
    fn a_port_of_which_another_has_one_address_is_not_used() {
        // Where there is no IPv6 there is nothing to be taken.
        let Ok(other) = TcpListener::bind((Ipv6Addr::LOCALHOST, 0)) else { return };
        let port = other.local_addr().unwrap().port();
        let first = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).unwrap();
        assert_eq!(Loopback::with(first).unwrap_err().kind(), io::ErrorKind::AddrInUse);
        let opened = Loopback::open().unwrap();
        assert!(opened.listeners.len() == 2 && opened.port != port);
    }

    #[test]
    fn one_wanted_request_is_handed_on_and_every_page_is_fixed() {
        let (one, other) = (Loopback::open().unwrap(), Loopback::open().unwrap());
        assert_ne!(one.port, other.port);
        let wanted = |query: &str| query.contains("state=right");
        let mut pages = Vec::new();
        let mut found = Vec::new();
        for request in [
            "GET /favicon.ico HTTP/1.1\r\n\r\n",
            "POST /?state=right HTTP/1.1\r\n\r\n",
            "GET /?code=evil<script>&state=wrong HTTP/1.1\r\n\r\n",
            "GET /?code=abc&state=right HTTP/1.1\r\nHost: x\r\n\r\n",
        ] {
            let mut stream = ask(one.port, request);
            let end = Instant::now() + Duration::from_secs(5);
            let mut answer = None;
            while answer.is_none() && Instant::now() < end && stream.set_nonblocking(true).is_ok() {
                answer = one.next(&wanted);
                let mut peeked = [0; 1];
                if stream.peek(&mut peeked).is_ok() {
                    break;
                }
                std::thread::sleep(Duration::from_millis(5));
            }
            found.extend(answer);
            stream.set_nonblocking(false).unwrap();
            let mut page = String::new();
            let _ = stream.read_to_string(&mut page);
            pages.push(page);
        }
        assert_eq!(found, ["code=abc&state=right"]);
        assert!(pages.iter().all(|page| !page.contains("evil")), "{pages:?}");
        let status = |page: &String| page.split(' ').nth(1).unwrap_or_default().to_owned();
        assert_eq!(pages.iter().map(status).collect::<Vec<_>>(), ["404", "404", "404", "200"]);
    }
}
