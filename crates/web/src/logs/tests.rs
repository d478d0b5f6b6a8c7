use super::*;

fn folder(files: &[(&str, &[u8])]) -> (tempfile::TempDir, Logs) {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("logs");
    fs::create_dir(&folder).unwrap();
    for (name, data) in files {
        fs::write(folder.join(name), data).unwrap();
    }
    let logs = Logs::new(&folder);
    (home, logs)
}

#[test]
fn names_of_logs() {
    for name in
        ["master.log", "MASTER.LOG", "a.out", "w.log.1", "w.log.2026-11-25", "gc.txt", "x.json", "mytxt"]
    {
        assert!(is_log(name), "{name}");
    }
    for name in ["master.log.gz", "passwd", "alluxio-site.properties", "txt", "id_rsa", "log", ".ssh"] {
        assert!(!is_log(name), "{name}");
    }
    assert_eq!(last_component("../../etc/x.log"), Some("x.log"));
    assert_eq!(last_component("a/../x.log/"), Some("x.log"));
    for name in ["", "/", "..", "a/..", "./.", "x\0.log"] {
        assert_eq!(last_component(name), None, "{name:?}");
    }
}

#[tokio::test]
async fn only_log_files_of_the_folder_are_shown() {
    let (home, logs) = folder(&[("b.log", b"bb"), ("a.log", b"a"), ("secret.key", b"k")]);
    let outside = home.path().join("outside.log");
    fs::write(&outside, "outside").unwrap();
    std::os::unix::fs::symlink(&outside, logs.folder().join("link.log")).unwrap();
    nix::unistd::mkfifo(&logs.folder().join("pipe.log"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    fs::create_dir(logs.folder().join("dir.log")).unwrap();

    let names: Vec<String> = logs.list().await.unwrap().into_iter().map(|file| file.name).collect();
    assert_eq!(names, ["a.log", "b.log"]);
    assert_eq!(logs.read("b.log", Spot::From(1), 10).await.unwrap().data, b"b");
    for name in
        ["secret.key", "link.log", "pipe.log", "dir.log", "../outside.log", "none.log", "", "..", "a.log\0"]
    {
        let error = logs.read(name, Spot::From(0), 10).await.unwrap_err();
        assert!(matches!(error, LogError::NoLog(_)), "{name:?}: {error}");
    }
    let none = Logs::new(&home.path().join("nothing"));
    assert_eq!(none.list().await.unwrap(), []);
}

#[tokio::test]
async fn parts_by_bytes_are_the_originals() {
    let (_home, logs) = folder(&[("a.log", b"0123456789")]);
    let read = async |spot| {
        let part = logs.read("a.log", spot, 4).await.unwrap();
        (part.offset, String::from_utf8(part.data).unwrap())
    };
    assert_eq!(read(Spot::From(2)).await, (2, "2345".to_owned()));
    assert_eq!(read(Spot::From(99)).await, (10, String::new()));
    assert_eq!(read(Spot::BeforeEnd(3)).await, (7, "789".to_owned()));
    assert_eq!(read(Spot::BeforeEnd(99)).await, (0, "0123".to_owned()));
}

/// Going back and forth shows every line once and whole.
#[tokio::test]
async fn parts_by_lines_join() {
    let text: String = (0..200).map(|n| format!("line {n} {}\n", "x".repeat(n % 17))).collect();
    let (_home, logs) = folder(&[("a.log", text.as_bytes())]);
    let limit = 256;
    let mut part = logs.read("a.log", Spot::LastLines, limit).await.unwrap();
    assert_eq!(part.end(), part.size);
    let mut shown = part.data.clone();
    while part.offset > 0 {
        let before = part.offset.saturating_sub(limit);
        let length = part.offset - before;
        part = logs.read("a.log", Spot::LinesFrom(before), length).await.unwrap();
        assert!(part.offset == 0 || part.data.starts_with(b"line"));
        shown.splice(0..0, part.data.iter().copied());
    }
    assert_eq!(String::from_utf8(shown).unwrap(), text);
}

#[tokio::test]
async fn a_line_longer_than_the_part_is_not_lost() {
    let (_home, logs) = folder(&[("a.log", &[b'x'; 1000])]);
    let part = logs.read("a.log", Spot::LastLines, 100).await.unwrap();
    assert_eq!((part.offset, part.data.len()), (900, 100));
}

/// "Newer" again and again, from the beginning.
#[tokio::test]
async fn lines_of_any_length_are_read_to_their_ends() {
    let mut text = String::new();
    for length in [3, 250, 99, 100, 101, 0, 1000, 7, 299, 100, 5] {
        text.push_str(&"x".repeat(length));
        text.push_str("|\n");
    }
    let (_home, logs) = folder(&[("a.log", text.as_bytes())]);
    let (mut shown, mut at) = (Vec::new(), 0);
    while at < text.len() as u64 {
        let part = logs.read("a.log", Spot::LinesFrom(at), 100).await.unwrap();
        assert_eq!(part.offset, at, "left out after {} bytes", shown.len());
        shown.extend(&part.data);
        at = part.end();
    }
    assert_eq!(String::from_utf8(shown).unwrap(), text);
}
