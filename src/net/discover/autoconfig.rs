//! The file that a provider publishes for mail programs (Thunderbird's autoconfig 1.1). A stranger wrote it: no DTD, few nodes,
//! only servers with TLS, and only hosts by name.

use roxmltree::{Document, Node, ParsingOptions};

use super::{Candidate, Protocol, host};
use crate::net::TlsMode;

/// Elements, texts and attributes of a file.
const NODES_MAX: u32 = 1_000;
/// Servers of one file that are looked at.
const SERVERS_MAX: usize = 20;

/// The servers of a file for an address, those with TLS from the first byte before those with STARTTLS.
///
/// # Errors
/// In words: it is not such a file.
pub(super) fn servers(xml: &str, address: &str) -> Result<Vec<Candidate>, String> {
    let options = ParsingOptions { allow_dtd: false, nodes_limit: NODES_MAX, ..ParsingOptions::default() };
    let document = Document::parse_with_options(xml, options).map_err(|_| "the file is not well-formed XML")?;
    if !document.root_element().has_tag_name("clientConfig") {
        return Err("the file is not one for mail programs (clientConfig)".to_owned());
    }
    let is_server = |node: &Node<'_, '_>| node.has_tag_name("incomingServer") || node.has_tag_name("outgoingServer");
    let nodes = document.descendants().filter(is_server).take(SERVERS_MAX);
    let mut found: Vec<Candidate> = nodes.filter_map(|node| server(&node, address)).collect();
    found.sort_by_key(|one| one.tls != TlsMode::Implicit);
    Ok(found)
}

fn server(node: &Node<'_, '_>, address: &str) -> Option<Candidate> {
    let text = |name: &str| node.children().find(|child| child.has_tag_name(name)).and_then(|child| child.text());
    let protocol = match (node.tag_name().name(), node.attribute("type")?) {
        ("incomingServer", "imap") => Protocol::Imap,
        ("outgoingServer", "smtp") => Protocol::Smtp,
        _ => return None,
    };
    let tls = match text("socketType")?.trim() {
        "SSL" => TlsMode::Implicit,
        "STARTTLS" => TlsMode::StartTls,
        _ => return None,
    };
    let ways: Vec<&str> = node
        .children()
        .filter(|child| child.has_tag_name("authentication"))
        .filter_map(|child| child.text().map(str::trim))
        .collect();
    let by_password = ways.iter().any(|way| way.starts_with("password") || *way == "plain" || *way == "secure");
    Some(Candidate {
        protocol,
        host: host::clean(&filled(text("hostname")?, address)?)?,
        port: text("port")?.trim().parse().ok().filter(|port| *port != 0)?,
        tls,
        login: login(text("username").unwrap_or("%EMAILADDRESS%"), address)?,
        only_tokens: !by_password && ways.contains(&"OAuth2"),
    })
}

/// A text with the parts of the address in their places.
fn filled(text: &str, address: &str) -> Option<String> {
    let (local, domain) = address.rsplit_once('@')?;
    let text = text.trim().replace("%EMAILADDRESS%", address).replace("%EMAILLOCALPART%", local);
    let text = text.replace("%EMAILDOMAIN%", domain);
    (!text.contains('%')).then_some(text)
}

fn login(text: &str, address: &str) -> Option<String> {
    filled(text, address).filter(|login| !login.is_empty() && login.len() <= 255 && !login.contains(char::is_control))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn xml(servers: &str) -> String {
        format!(
            "<?xml version=\"1.0\"?><clientConfig version=\"1.1\"><emailProvider id=\"x\">{servers}</emailProvider></clientConfig>"
        )
    }

    fn one(kind: &str, host: &str, port: &str, socket: &str, more: &str) -> String {
        let element = if kind == "smtp" { "outgoingServer" } else { "incomingServer" };
        format!(
            "<{element} type=\"{kind}\"><hostname>{host}</hostname><port>{port}</port><socketType>{socket}</socketType>{more}</{element}>"
        )
    }

    #[test]
    fn servers_with_tls_are_taken_in_their_order() {
        let name = "<username>%EMAILLOCALPART%</username><authentication>password-cleartext</authentication>";
        let token = "<username>%EMAILADDRESS%</username><authentication>OAuth2</authentication>";
        let password = "<authentication>OAuth2</authentication><authentication>password-encrypted</authentication>";
        let rows = [
            (one("imap", "imap.%EMAILDOMAIN%", "993", "SSL", name), "Imap imap.desk.example:993 Implicit ana false"),
            (
                one("smtp", "smtp.x.example", " 587 ", "STARTTLS", token),
                "Smtp smtp.x.example:587 StartTls ana@desk.example true",
            ),
            (one("imap", "a.example", "993", "SSL", password), "Imap a.example:993 Implicit ana@desk.example false"),
            (
                one("imap", "b.example", "143", "STARTTLS", "") + &one("imap", "a.example", "993", "SSL", ""),
                "Imap a.example:993 Implicit ana@desk.example false Imap b.example:143 StartTls ana@desk.example false",
            ),
            (one("imap", "a.example", "143", "plain", ""), ""),
            (one("pop3", "a.example", "995", "SSL", ""), ""),
            (one("imap", "127.0.0.1", "993", "SSL", ""), ""),
            (one("imap", "a b&#10;.example", "993", "SSL", ""), ""),
            (one("imap", "a.example", "0", "SSL", ""), ""),
            (one("imap", "a.example", "99999", "SSL", ""), ""),
            (one("imap", "a.example", "993", "SSL", "<username>%REALNAME%</username>"), ""),
            (one("imap", "%OTHER%.example", "993", "SSL", ""), ""),
        ];
        for (servers, expected) in rows {
            let found: Vec<String> = super::servers(&xml(&servers), "ana@desk.example")
                .unwrap()
                .iter()
                .map(|c| format!("{:?} {}:{} {:?} {} {}", c.protocol, c.host, c.port, c.tls, c.login, c.only_tokens))
                .collect();
            assert_eq!(found.join(" "), expected, "{servers}");
        }
    }

    #[test]
    fn what_is_not_such_a_file_is_refused_without_much_work() {
        let laughs = "<!DOCTYPE x [<!ENTITY a \"ha\"><!ENTITY b \"&a;&a;&a;\">]><clientConfig>&b;</clientConfig>";
        let many = xml(&"<x/>".repeat(5_000));
        for text in [laughs, &many, "<html></html>", "", "no xml"] {
            assert!(servers(text, "ana@desk.example").is_err(), "{:.40}", text);
        }
    }
}
