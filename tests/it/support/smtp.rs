//! Puts a message into an SMTP server, as any sender in the world would.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::time::Duration;

/// One message on one connection; the server's words if it refuses. Does not wait for the answer to
/// QUIT, which Exim gives late.
pub fn submit(port: u16, from: &str, to: &[&str], message: &[u8]) -> Result<(), String> {
    let stream = TcpStream::connect(("127.0.0.1", port)).map_err(|error| error.to_string())?;
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    stream.set_nodelay(true).unwrap();
    let mut stream = BufReader::new(stream);
    expect(&mut stream, "2")?;
    say(&mut stream, "EHLO sender.example", "2")?;
    say(&mut stream, &format!("MAIL FROM:<{from}>"), "2")?;
    for recipient in to {
        say(&mut stream, &format!("RCPT TO:<{recipient}>"), "2")?;
    }
    say(&mut stream, "DATA", "3")?;
    stream.get_mut().write_all(&dotted(message)).map_err(|error| error.to_string())?;
    expect(&mut stream, "2")?;
    stream.get_mut().write_all(b"QUIT\r\n").map_err(|error| error.to_string())
}

fn say(stream: &mut BufReader<TcpStream>, command: &str, answer: &str) -> Result<(), String> {
    stream.get_mut().write_all(format!("{command}\r\n").as_bytes()).map_err(|error| error.to_string())?;
    expect(stream, answer)
}

fn expect(stream: &mut BufReader<TcpStream>, code: &str) -> Result<(), String> {
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).map_err(|error| error.to_string())? == 0 {
            return Err("the server hung up".to_owned());
        }
        match line.as_bytes().get(3) {
            Some(b'-') => {}
            _ if line.starts_with(code) => return Ok(()),
            _ => return Err(line.trim_end().to_owned()),
        }
    }
}

/// Dot-stuffed and ended with the final dot.
fn dotted(message: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(message.len() + 16);
    for line in message.split_inclusive(|&byte| byte == b'\n') {
        if line.starts_with(b".") {
            out.push(b'.');
        }
        out.extend_from_slice(line);
    }
    if !out.ends_with(b"\r\n") {
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(b".\r\n");
    out
}
