//! A small stand-in for the service, with what of its REST protocol the library speaks: paths of files and folders, data that
//! is appended and then flushed, renames that replace, listings in pages, errors with codes. It checks no signature.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;

use parking_lot::Mutex;

/// Entries of one page of a listing, whatever is asked for.
const PAGE: usize = 3;
const WHEN: &str = "Thu, 26 Nov 2026 02:00:00 GMT";

#[derive(Clone, Default)]
struct Node {
    is_dir: bool,
    data: Vec<u8>,
    appended: Vec<u8>,
    tag: u64,
}

#[derive(Default)]
struct Account {
    nodes: BTreeMap<String, Node>,
    changes: u64,
    is_deleted: bool,
}

pub(super) struct Fake {
    pub(super) at: SocketAddr,
    account: Arc<Mutex<Account>>,
}

struct Request {
    method: String,
    /// In the file system.
    path: String,
    query: BTreeMap<String, String>,
    headers: BTreeMap<String, String>,
    body: Vec<u8>,
}

struct Answer {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
}

impl Fake {
    /// With the empty file system `fs`.
    pub(super) fn start() -> Fake {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let at = listener.local_addr().unwrap();
        let account = Arc::new(Mutex::new(Account::default()));
        account.lock().nodes.insert(String::new(), Node { is_dir: true, ..Node::default() });
        let shared = account.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let account = shared.clone();
                std::thread::spawn(move || serve(stream, &account));
            }
        });
        Fake { at, account }
    }

    pub(super) fn paths(&self) -> Vec<String> {
        self.account.lock().nodes.keys().filter(|path| !path.is_empty()).cloned().collect()
    }

    /// The file system goes, with all in it.
    pub(super) fn delete_file_system(&self) {
        self.account.lock().is_deleted = true;
    }

    /// As another program writes it.
    pub(super) fn put(&self, path: &str, data: &[u8]) {
        let mut account = self.account.lock();
        account.make_parents(path);
        let tag = account.next();
        account.nodes.insert(path.to_owned(), Node { data: data.to_vec(), tag, ..Node::default() });
    }
}

fn serve(stream: TcpStream, account: &Mutex<Account>) {
    let mut writer = stream.try_clone().unwrap();
    let mut reader = BufReader::new(stream);
    while let Some(request) = read(&mut reader) {
        let Answer { status, headers, body } = account.lock().answer(&request);
        let mut head = format!("HTTP/1.1 {status} x\r\n");
        for (name, value) in &headers {
            head += &format!("{name}: {value}\r\n");
        }
        if !headers.iter().any(|(name, _)| *name == "content-length") {
            head += &format!("content-length: {}\r\n", body.len());
        }
        let body = if request.method == "HEAD" { &[][..] } else { &body };
        if writer.write_all(&[head.as_bytes(), b"\r\n", body].concat()).is_err() {
            return;
        }
    }
}

fn read(reader: &mut BufReader<TcpStream>) -> Option<Request> {
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|count| *count > 0)?;
    let mut words = line.split_whitespace();
    let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
    let mut headers = BTreeMap::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim().split_once(':') else { break };
        headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    let length = headers.get("content-length").map_or(0, |length| length.parse().unwrap());
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    let query = pairs.map(|(name, value)| (name.to_owned(), decoded(value))).collect();
    let path = decoded(path.strip_prefix("/fs")?.trim_matches('/'));
    Some(Request { method, path, query, headers, body })
}

fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        rest = tail;
        if *first == b'%' {
            bytes.push(u8::from_str_radix(std::str::from_utf8(&tail[..2]).unwrap(), 16).unwrap());
            rest = &tail[2..];
        } else {
            bytes.push(*first);
        }
    }
    String::from_utf8(bytes).unwrap()
}

fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(parent, _)| parent)
}

fn is_below(path: &str, folder: &str) -> bool {
    path.strip_prefix(folder)
        .is_some_and(|rest| rest.is_empty() || folder.is_empty() || rest.starts_with('/'))
}

fn done(status: u16) -> Answer {
    Answer { status, headers: Vec::new(), body: Vec::new() }
}

fn refused(status: u16, code: &str) -> Answer {
    let body = format!("<Error><Code>{code}</Code><Message>refused</Message></Error>");
    Answer { status, headers: vec![("x-ms-error-code", code.to_owned())], body: body.into_bytes() }
}

impl Account {
    fn next(&mut self) -> u64 {
        self.changes += 1;
        self.changes
    }

    fn make_parents(&mut self, path: &str) {
        let mut above = parent(path).to_owned();
        while !self.nodes.contains_key(&above) {
            self.nodes.insert(above.clone(), Node { is_dir: true, ..Node::default() });
            above = parent(&above).to_owned();
        }
    }

    fn answer(&mut self, request: &Request) -> Answer {
        match request.method.as_str() {
            _ if self.is_deleted => refused(404, "FilesystemNotFound"),
            "HEAD" => self.properties(&request.path),
            "GET" if request.query.contains_key("resource") => self.list(request),
            "GET" => self.data(request),
            "PUT" if request.headers.contains_key("x-ms-rename-source") => self.rename(request),
            "PUT" => self.create(request),
            "PATCH" => self.patch(request),
            "DELETE" => self.delete(request),
            _ => refused(405, "UnsupportedHttpVerb"),
        }
    }

    fn headers(node: &Node) -> Vec<(&'static str, String)> {
        let kind = if node.is_dir { "directory" } else { "file" };
        vec![
            ("etag", format!("\"0x{:X}\"", node.tag)),
            ("last-modified", WHEN.to_owned()),
            ("x-ms-resource-type", kind.to_owned()),
        ]
    }

    fn properties(&self, path: &str) -> Answer {
        let Some(node) = self.nodes.get(path) else { return refused(404, "PathNotFound") };
        let mut headers = Self::headers(node);
        headers.push(("content-length", node.data.len().to_string()));
        Answer { status: 200, headers, body: Vec::new() }
    }

    fn data(&self, request: &Request) -> Answer {
        let Some(node) = self.nodes.get(&request.path) else { return refused(404, "PathNotFound") };
        let headers = Self::headers(node);
        if request.headers.get("if-match").is_some_and(|tag| *tag != headers[0].1) {
            return refused(412, "ConditionNotMet");
        }
        let range = request.headers.get("range").and_then(|range| range.strip_prefix("bytes="));
        let Some((from, to)) = range.and_then(|range| range.split_once('-')) else {
            return Answer { status: 200, headers, body: node.data.clone() };
        };
        let from: usize = from.parse().unwrap();
        let end = to.parse::<usize>().map_or(node.data.len(), |last| node.data.len().min(last + 1));
        Answer { status: 206, headers, body: node.data[from.min(end)..end].to_vec() }
    }

    fn create(&mut self, request: &Request) -> Answer {
        let is_dir = request.query.get("resource").is_some_and(|kind| kind == "directory");
        match self.nodes.get(&request.path) {
            Some(there) if there.is_dir != is_dir => return refused(409, "PathAlreadyExists"),
            Some(_) if is_dir => return done(201),
            _ => {}
        }
        self.make_parents(&request.path);
        if !self.nodes[parent(&request.path)].is_dir {
            return refused(409, "PathConflict");
        }
        let tag = self.next();
        self.nodes.insert(request.path.clone(), Node { is_dir, tag, ..Node::default() });
        done(201)
    }

    fn patch(&mut self, request: &Request) -> Answer {
        let tag = self.next();
        let position: usize = request.query["position"].parse().unwrap();
        let Some(node) = self.nodes.get_mut(&request.path) else { return refused(404, "PathNotFound") };
        if request.query["action"] == "append" {
            node.appended.resize(node.appended.len().max(position + request.body.len()), 0);
            node.appended[position..position + request.body.len()].copy_from_slice(&request.body);
            return done(202);
        }
        if position != node.appended.len() {
            return refused(400, "InvalidFlushPosition");
        }
        node.data = std::mem::take(&mut node.appended);
        node.tag = tag;
        Answer { status: 200, headers: Self::headers(node), body: Vec::new() }
    }

    fn delete(&mut self, request: &Request) -> Answer {
        let below = |path: &String| is_below(path, &request.path);
        if !self.nodes.contains_key(&request.path) {
            return refused(404, "PathNotFound");
        }
        let recursive = request.query.get("recursive").is_some_and(|recursive| recursive == "true");
        if !recursive && self.nodes.keys().any(|path| *path != request.path && below(path)) {
            return refused(409, "DirectoryNotEmpty");
        }
        self.nodes.retain(|path, _| !below(path));
        done(200)
    }

    fn rename(&mut self, request: &Request) -> Answer {
        let source = decoded(request.headers["x-ms-rename-source"].strip_prefix("/fs/").unwrap());
        let source = source.trim_end_matches('/');
        if !self.nodes.contains_key(source) {
            return refused(404, "SourcePathNotFound");
        }
        if self.nodes.get(&request.path).is_some_and(|there| there.is_dir) {
            return refused(409, "DestinationPathIsBeingDeleted");
        }
        let moved: Vec<String> = self.nodes.keys().filter(|path| is_below(path, source)).cloned().collect();
        for path in moved {
            let node = self.nodes.remove(&path).unwrap();
            self.nodes.insert(format!("{}{}", request.path, &path[source.len()..]), node);
        }
        done(201)
    }

    fn list(&self, request: &Request) -> Answer {
        let folder = request.query.get("directory").map_or("", String::as_str).trim_matches('/');
        if !self.nodes.get(folder).is_some_and(|node| node.is_dir) {
            return refused(404, "PathNotFound");
        }
        // How many were told before.
        let told_before = request.query.get("continuation").map_or(0, |told| told.parse().unwrap());
        let children: Vec<_> = self
            .nodes
            .iter()
            .filter(|(path, _)| !path.is_empty() && parent(path) == folder)
            .skip(told_before)
            .collect();
        let told = children.iter().take(PAGE).map(|(path, node)| {
            let name = path.replace('\\', "\\\\").replace('"', "\\\"");
            let folder = if node.is_dir { "\"isDirectory\":\"true\"," } else { "" };
            format!(
                "{{{folder}\"contentLength\":\"{}\",\"etag\":\"0x{:X}\",\"lastModified\":\"{WHEN}\",\"name\":\"{name}\"}}",
                node.data.len(),
                node.tag
            )
        });
        let body = format!("{{\"paths\":[{}]}}", told.collect::<Vec<_>>().join(","));
        let mut headers = Vec::new();
        if children.len() > PAGE {
            headers.push(("x-ms-continuation", (told_before + PAGE).to_string()));
        }
        Answer { status: 200, headers, body: body.into_bytes() }
    }
}
