//! An issuer of access tokens on loopback, over TLS with an authority of its own: it answers as Microsoft's and Google's do,
//! or as a test says, and writes down what it was asked. Mail servers can ask it, too, whether a token is good.

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use openssl::asn1::Asn1Time;
use openssl::bn::BigNum;
use openssl::ec::{EcGroup, EcKey};
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::sha::sha256;
use openssl::ssl::{SslAcceptor, SslMethod, SslStream};
use openssl::x509::extension::{BasicConstraints, SubjectAlternativeName};
use openssl::x509::{X509, X509NameBuilder};

use super::{Sandbox, scratch};

/// One question: path, and fields of the form.
#[derive(Debug, Clone, Default)]
pub struct Question {
    pub path: String,
    pub form: BTreeMap<String, String>,
}

impl Question {
    pub fn get(&self, name: &str) -> &str {
        self.form.get(name).map_or("", String::as_str)
    }
}

/// What is answered instead of the usual.
#[derive(Debug, Clone)]
pub enum Say {
    /// A status and a body.
    Body(u16, String),
    /// `error` with a number of Microsoft.
    Error(&'static str, u32),
    /// A status, further headers, and a body.
    Headers(u16, &'static str, String),
    /// The connection ends within the answer.
    Cut,
    /// The usual, after this.
    Late(Duration),
    /// The usual, and the process that asked is killed before it can read on.
    Nothing,
}

/// How refresh tokens change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rotation {
    /// A new one each time, and the old ones stay good.
    Grace,
    /// A new one each time, and only the newest is good.
    Once,
    /// No new one.
    Never,
}

/// Makes the access token of a user.
type Mint = Box<dyn Fn(&str, usize) -> String + Send>;

pub struct State {
    pub rotation: Rotation,
    /// Seconds of an access token; as it is written in the answer.
    pub lifetime: String,
    /// Who signs in.
    pub user: String,
    /// Added to `Date`, in seconds.
    pub clock: i64,
    /// Answers of the token endpoint before the usual ones.
    pub next: VecDeque<Say>,
    /// Answers of it for good.
    pub always: Option<Say>,
    pub gives_refresh: bool,
    pub questions: Vec<Question>,
    /// Refresh tokens that are good.
    pub good: HashSet<String>,
    /// Access tokens that were given.
    pub given: Vec<String>,
    /// Access tokens that are good, with the user of each, for servers that ask.
    pub active: BTreeMap<String, String>,
    /// Codes with the challenge and the redirect that belong to each.
    codes: BTreeMap<String, (String, String)>,
    mint: Mint,
    count: usize,
}

pub struct Issuer {
    pub port: u16,
    ca: PathBuf,
    state: Arc<Mutex<State>>,
}

impl Issuer {
    /// Runs till the end of the process.
    pub fn new() -> Issuer {
        let ca = scratch("issuer-ca");
        let (key, certificate) = identity();
        std::fs::write(&ca, certificate.to_pem().unwrap()).unwrap();
        let mut acceptor = SslAcceptor::mozilla_intermediate_v5(SslMethod::tls()).unwrap();
        acceptor.set_private_key(&key).unwrap();
        acceptor.set_certificate(&certificate).unwrap();
        let acceptor = acceptor.build();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = Arc::new(Mutex::new(State {
            rotation: Rotation::Grace,
            lifetime: "3600".into(),
            user: "support@example.org".into(),
            clock: 0,
            next: VecDeque::new(),
            always: None,
            gives_refresh: true,
            questions: Vec::new(),
            good: HashSet::new(),
            given: Vec::new(),
            active: BTreeMap::new(),
            codes: BTreeMap::new(),
            mint: Box::new(|_, count| format!("access-{count}")),
            count: 0,
        }));
        let shared = Arc::clone(&state);
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let (acceptor, state) = (acceptor.clone(), Arc::clone(&shared));
                std::thread::spawn(move || serve(&acceptor, client, &state));
            }
        });
        Issuer { port, ca, state }
    }

    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// Access tokens of this kind.
    pub fn mint(&self, mint: impl Fn(&str, usize) -> String + Send + 'static) {
        self.state().mint = Box::new(mint);
    }

    pub fn url(&self, end: &str) -> String {
        format!("https://localhost:{}/{end}", self.port)
    }

    /// The file of its authority, for `SSL_CERT_FILE`.
    pub fn ca(&self) -> String {
        self.ca.display().to_string()
    }

    /// A profile of it, in the configuration of a sandbox that believes its certificate.
    pub fn profile(&self, sandbox: &Sandbox, name: &str, provider: &str, flow: &str, more: &str) {
        sandbox.env("SSL_CERT_FILE", &self.ca());
        let [auth, token, device] = ["authorize", "token", "devicecode"].map(|end| self.url(end));
        // Google has no device codes for mail.
        let device = if provider == "google" { String::new() } else { format!("device_url = \"{device}\"\n") };
        sandbox.config(&format!(
            "[oauth.{name}]\nprovider = \"{provider}\"\nflow = \"{flow}\"\nclient_id = \"client-1\"\n\
             auth_url = \"{auth}\"\ntoken_url = \"{token}\"\n{device}{more}\n"
        ));
    }

    /// How often the token endpoint was asked for this grant.
    pub fn asked(&self, grant: &str) -> usize {
        self.state().questions.iter().filter(|question| question.get("grant_type").ends_with(grant)).count()
    }

    /// What a browser does with the address of a sign-in: the user agrees, and the address where it is sent comes back.
    pub fn agree(&self, url: &str) -> String {
        let query = query(url.split_once('?').expect("a query").1);
        assert_eq!(query["code_challenge_method"], "S256");
        assert!(!url.contains("client_secret"), "a secret in an address");
        let mut state = self.state();
        state.count += 1;
        let code = format!("code-{}", state.count);
        state.codes.insert(code.clone(), (query["code_challenge"].clone(), query["redirect_uri"].clone()));
        format!("{}/?code={code}&state={}", query["redirect_uri"], query["state"])
    }

    /// Opens the address of a redirect as a browser does; the page.
    pub fn follow(redirect: &str) -> String {
        let rest = redirect.strip_prefix("http://").unwrap();
        let (host, path) = rest.split_once('/').unwrap();
        let port: u16 = host.split_once(':').unwrap().1.parse().unwrap();
        let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        stream.write_all(format!("GET /{path} HTTP/1.1\r\nHost: {host}\r\n\r\n").as_bytes()).unwrap();
        let mut page = String::new();
        stream.read_to_string(&mut page).ok();
        page
    }
}

/// The fields of a query or a form.
pub fn query(text: &str) -> BTreeMap<String, String> {
    let decode = |text: &str| {
        let (mut out, bytes, mut at) = (Vec::new(), text.as_bytes(), 0);
        while at < bytes.len() {
            let hex = (bytes[at] == b'%').then(|| u8::from_str_radix(&text[at + 1..at + 3], 16).unwrap());
            out.push(hex.unwrap_or(bytes[at]));
            at += if hex.is_some() { 3 } else { 1 };
        }
        String::from_utf8(out).unwrap()
    };
    let pairs = text.split('&').filter_map(|pair| pair.split_once('='));
    pairs.map(|(name, value)| (decode(name), decode(value))).collect()
}

/// A key and a certificate for localhost that is its own authority.
fn identity() -> (PKey<Private>, X509) {
    let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap();
    let key = PKey::from_ec_key(EcKey::generate(&group).unwrap()).unwrap();
    let mut name = X509NameBuilder::new().unwrap();
    name.append_entry_by_text("CN", "issuer of the tests").unwrap();
    let name = name.build();
    let mut builder = X509::builder().unwrap();
    builder.set_version(2).unwrap();
    builder.set_serial_number(&BigNum::from_u32(1).unwrap().to_asn1_integer().unwrap()).unwrap();
    builder.set_subject_name(&name).unwrap();
    builder.set_issuer_name(&name).unwrap();
    builder.set_pubkey(&key).unwrap();
    builder.set_not_before(&Asn1Time::days_from_now(0).unwrap()).unwrap();
    builder.set_not_after(&Asn1Time::days_from_now(2).unwrap()).unwrap();
    let names = SubjectAlternativeName::new().dns("localhost").build(&builder.x509v3_context(None, None)).unwrap();
    builder.append_extension(names).unwrap();
    builder.append_extension(BasicConstraints::new().critical().ca().build().unwrap()).unwrap();
    builder.sign(&key, MessageDigest::sha256()).unwrap();
    (key, builder.build())
}

fn serve(acceptor: &SslAcceptor, client: TcpStream, state: &Mutex<State>) -> Option<()> {
    client.set_read_timeout(Some(Duration::from_secs(20))).ok()?;
    let mut stream = BufReader::new(acceptor.accept(client).ok()?);
    let mut line = String::new();
    stream.read_line(&mut line).ok()?;
    let path = line.split(' ').nth(1)?.trim_start_matches('/').to_owned();
    let mut length = 0;
    loop {
        let mut header = String::new();
        stream.read_line(&mut header).ok()?;
        if header.trim().is_empty() {
            break;
        }
        if let Some(value) = header.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).ok()?;
    assert!(!path.contains('?'), "something stands in the address: {path}");
    let question = Question { path, form: query(&String::from_utf8(body).ok()?) };
    answer(stream.get_mut(), question, state)
}

fn answer(stream: &mut SslStream<TcpStream>, question: Question, state: &Mutex<State>) -> Option<()> {
    let (say, date) = {
        let mut state = state.lock().unwrap();
        state.questions.push(question.clone());
        let say = if question.path == "token" { state.next.pop_front().or(state.always.clone()) } else { None };
        (say, jiff::Timestamp::now() + jiff::SignedDuration::from_secs(state.clock))
    };
    if let Some(Say::Late(time)) = &say {
        std::thread::sleep(*time);
    }
    let (status, more, body) = match say {
        None | Some(Say::Late(_)) => {
            let (status, body) = state.lock().unwrap().usual(&question);
            (status, "", body)
        }
        Some(Say::Body(status, body)) => (status, "", body),
        Some(Say::Headers(status, more, body)) => (status, more, body),
        Some(Say::Error(error, 0)) => (400, "", format!(r#"{{"error":"{error}"}}"#)),
        Some(Say::Error(error, number)) => (
            400,
            "",
            format!(
                r#"{{"error":"{error}","error_description":"AADSTS{number}: words.\r\nTrace ID: trace-1","error_codes":[{number}]}}"#
            ),
        ),
        Some(Say::Cut) => {
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{\"access_tok").ok()?;
            return None;
        }
        Some(Say::Nothing) => {
            state.lock().unwrap().usual(&question);
            return None;
        }
    };
    let date = date.strftime("%a, %d %b %Y %H:%M:%S GMT");
    let head = format!(
        "HTTP/1.1 {status} X\r\nDate: {date}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n{more}Connection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).ok()?;
    stream.write_all(body.as_bytes()).ok()?;
    stream.shutdown().ok().map(drop)
}

impl State {
    fn usual(&mut self, question: &Question) -> (u16, String) {
        let refused = |error: &str| (400, format!(r#"{{"error":"{error}"}}"#));
        if question.path == "devicecode" {
            let answer = r#"{"device_code":"device-1","user_code":"ABCD-EFGH","verification_uri":"https://issuer.example/device","expires_in":900,"interval":1}"#;
            return (200, answer.to_owned());
        }
        if question.path == "introspect" {
            let user = self.active.get(question.get("token"));
            let answer = user.map(|user| serde_json::json!({"active": true, "sub": "id-1", "upn": user}));
            return (200, answer.unwrap_or_else(|| serde_json::json!({"active": false})).to_string());
        }
        let grant = question.get("grant_type");
        match grant {
            "refresh_token" if !self.good.contains(question.get("refresh_token")) => return refused("invalid_grant"),
            "refresh_token" => {
                if self.rotation == Rotation::Once {
                    self.good.clear();
                }
            }
            "authorization_code" => {
                let Some((challenge, redirect)) = self.codes.remove(question.get("code")) else {
                    return refused("invalid_grant");
                };
                let verifier = sha256(question.get("code_verifier").as_bytes());
                let seen = openssl::base64::encode_block(&verifier);
                let seen = seen.trim_end_matches('=').replace('+', "-").replace('/', "_");
                if seen != challenge || redirect != question.get("redirect_uri") {
                    return refused("invalid_grant");
                }
            }
            "client_credentials" | "urn:ietf:params:oauth:grant-type:jwt-bearer" => {}
            "urn:ietf:params:oauth:grant-type:device_code" if question.get("device_code") == "device-1" => {}
            _ => return refused("unsupported_grant_type"),
        }
        self.count += 1;
        let access = (self.mint)(&self.user, self.count);
        self.given.push(access.clone());
        let mut answer = serde_json::json!({"access_token": access, "token_type": "Bearer"});
        answer["expires_in"] = self.lifetime.parse::<u64>().map_or(self.lifetime.clone().into(), Into::into);
        let is_of_person = !matches!(grant, "client_credentials" | "urn:ietf:params:oauth:grant-type:jwt-bearer");
        if is_of_person && self.gives_refresh && (grant != "refresh_token" || self.rotation != Rotation::Never) {
            let refresh = format!("refresh-{}", self.count);
            self.good.insert(refresh.clone());
            answer["refresh_token"] = refresh.into();
        }
        if is_of_person {
            let claims = serde_json::json!({"preferred_username": self.user}).to_string();
            let claims = openssl::base64::encode_block(claims.as_bytes()).replace('+', "-").replace('/', "_");
            answer["id_token"] = format!("e30.{}.x", claims.trim_end_matches('=')).into();
        }
        (200, answer.to_string())
    }
}
