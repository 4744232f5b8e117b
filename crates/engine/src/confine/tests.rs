//! A child process confines itself, and then tries forbidden operations with ordinary library
//! calls. The child is a test runner, which has one more thread.

#![expect(clippy::disallowed_methods, reason = "tries operations that must fail")]

use std::{
    collections::BTreeMap,
    fmt::Debug,
    fs::File,
    io::{self, Read as _},
    net::{TcpListener, TcpStream, UdpSocket},
    os::{
        fd::AsRawFd as _,
        linux::net::SocketAddrExt as _,
        unix::net::{SocketAddr, UnixListener, UnixStream},
    },
    process::Command,
    sync::mpsc,
};

use super::*;

/// Environment variable with the part that the child runs.
const PART: &str = "CONFINE_TEST_PART";

/// Environment variable with the parent's TCP address, which the child tries to reach.
const PORT: &str = "CONFINE_TEST_PORT";

/// Environment variable with the parent's abstract socket, which the child tries to reach.
const ABSTRACT: &str = "CONFINE_TEST_ABSTRACT";

#[test]
fn a_serving_worker_can_compute_and_nothing_else_in_any_thread() {
    let tried = play("serving");
    for thread in ["first", "running", "new"] {
        let tried: BTreeMap<_, _> = tried
            .iter()
            .filter_map(|(name, result)| Some((name.strip_prefix(thread)?.trim(), result.as_str())))
            .collect();
        assert_eq!(tried.len(), 12, "{thread}: {tried:?}");
        for (name, result) in tried {
            assert_eq!(result, "PermissionDenied", "{thread} thread, {name}");
        }
    }
    assert_eq!(tried["compute"], "6");
    assert_eq!(tried["seccomp"], "true");
    assert!(tried["landlock"].parse::<u32>().unwrap() >= 4);
    for attempt in ["socket", "socket unix", "open", "exec", "fork", "ptrace"] {
        assert_eq!(tried[&format!("attempt {attempt}")], "EPERM");
    }
    // Only Landlock refuses this: the filter allows opening files while loading.
    assert_eq!(tried["attempt open while loading"], "EACCES");
}

#[test]
fn a_loading_worker_can_read_its_model_and_nothing_else() {
    let tried = play("loading");
    assert_eq!(tried["model"], "weights");
    for name in
        ["other file", "other file in the same folder", "write to the model", "tcp", "spawn"]
    {
        assert_eq!(tried[name], "PermissionDenied", "{name}");
    }
}

#[test]
fn a_worker_with_a_card_loses_the_drivers_files_and_then_all_others() {
    let tried = play("card");
    assert_eq!(tried["libraries"], "success");
    assert_eq!(tried["code of libraries"], "success");
    for name in ["other file", "other process", "terminal", "tcp", "spawn"] {
        assert_eq!(tried[name], "PermissionDenied", "{name}");
    }
    assert_eq!(tried["model"], "success");
    for name in ["libraries later", "machine code"] {
        assert_eq!(tried[name], "PermissionDenied", "{name}");
    }
    for (name, result) in tried.iter().filter(|(name, _)| name.starts_with("first ")) {
        assert_eq!(result, "PermissionDenied", "{name}");
    }
    assert_eq!(tried["attempt executable memory"], "EPERM");
}

#[test]
fn who_keeps_a_folder_has_its_files_and_nothing_else() {
    let tried = play("keeping");
    for name in ["make", "replace", "read", "list", "sync", "overwrite", "remove"] {
        assert_eq!(tried[&format!("own {name}")], "success", "{name}");
    }
    for thread in ["first", "new"] {
        for name in ["open", "create", "list", "tcp", "listen", "udp", "unix", "spawn", "signal"] {
            assert_eq!(tried[&format!("{thread} {name}")], "PermissionDenied", "{name}");
        }
    }
    for name in ["link", "directory", "move out", "executable"] {
        assert_eq!(tried[name], "PermissionDenied", "{name}");
    }
}

#[test]
fn a_gateway_reaches_its_files_its_ports_and_its_own_program() {
    let tried = play("gateway");
    for name in ["make", "folder", "move", "read", "listed file", "pair", "start workers", "thread"]
    {
        assert_eq!(tried[name], "success", "{name}: {tried:?}");
    }
    for thread in ["first", "new"] {
        for name in
            ["open", "create", "list", "tcp", "listen", "udp", "abstract socket", "spawn", "signal"]
        {
            assert_eq!(tried[&format!("{thread} {name}")], "PermissionDenied", "{thread} {name}");
        }
    }
    for name in ["link", "executable", "loader", "debug"] {
        assert_eq!(tried[name], "PermissionDenied", "{name}");
    }
    for attempt in ["open another folder", "listen elsewhere", "dial elsewhere"] {
        assert_eq!(tried[&format!("attempt {attempt}")], "EACCES");
    }
    for attempt in ["ptrace", "process_vm_readv", "bpf", "io_uring", "mount", "unshare"] {
        assert_eq!(tried[&format!("attempt {attempt}")], "EPERM");
    }
    assert_eq!(tried["core"], "Some(0)");
    assert_eq!(tried["dumpable"], "NotDumpable");
}

#[test]
fn a_gateway_dials_the_ports_that_it_is_given_and_no_others() {
    let tried = play("dialing gateway");
    assert_eq!(tried["first tcp"], "success");
    assert_eq!(tried["first udp"], "success", "names are looked up");
    for name in ["create", "list", "listen", "abstract socket", "spawn", "signal"] {
        assert_eq!(tried[&format!("first {name}")], "PermissionDenied", "{name}");
    }
    assert_eq!(tried["attempt dial elsewhere"], "EACCES");
}

#[test]
fn landlock_holds_where_no_filter_is() {
    let tried = play("landlock");
    for name in ["open", "create", "tcp", "listen", "abstract socket", "signal"] {
        assert_eq!(tried[name], "PermissionDenied", "{name}");
    }
}

#[test]
fn a_process_with_more_threads_is_not_confined_halfway() {
    assert!(play("threads")["result"].contains("threads already"));
}

/// Runs a part in a child, and collects the `name=result` lines that it prints.
fn play(part: &str) -> BTreeMap<String, String> {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let name = format!("bailiwick-confine-{}-{part}", std::process::id());
    let _abstract = UnixListener::bind_addr(&SocketAddr::from_abstract_name(&name).unwrap());
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "confine::tests::child", "--nocapture", "--test-threads=1"])
        .env(PART, part)
        .env(PORT, listener.local_addr().unwrap().port().to_string())
        .env(ABSTRACT, name)
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(text.contains("end=reached"), "{part}: {:?}\n{text}\n{errors}", output.status);
    text.lines()
        .filter_map(|line| line.split_once('='))
        .map(|(name, result)| (name.to_owned(), result.to_owned()))
        .collect()
}

/// The code of the child processes.
#[test]
#[ignore = "the child process of the tests above, which start it"]
fn child() {
    // The test runner has already begun a line.
    println!();
    match std::env::var(PART).as_deref() {
        Ok("serving") => serving(),
        Ok("loading") => loading(),
        Ok("card") => card(),
        Ok("landlock") => landlock(),
        Ok("keeping") => keeping(),
        Ok("gateway") => gateway_alone(),
        Ok("dialing gateway") => gateway_that_dials(),
        Ok("threads") => threads(),
        other => panic!("no such part: {other:?}"),
    }
    println!("end=reached");
}

fn serving() {
    let model = model_file("serving");
    let loading = this_thread_before_loading(&File::open(&model).unwrap()).unwrap();
    // Like a computing thread that was started while loading: it exists before the second step.
    let (go, wait) = mpsc::channel::<()>();
    let running = std::thread::spawn(move || {
        wait.recv().unwrap();
        try_everything("running");
    });
    let confinement = loading.before_serving().unwrap();
    try_everything("first");
    go.send(()).unwrap();
    running.join().unwrap();
    std::thread::spawn(|| try_everything("new")).join().unwrap();

    println!("compute={}", vec![1_u8, 2, 3].into_iter().sum::<u8>());
    println!("seccomp={}", confinement.seccomp);
    println!("landlock={}", confinement.landlock_abi);
    for (name, error) in confinement.attempts {
        println!("attempt {name}={error}");
    }
}

fn try_everything(thread: &str) {
    let port: u16 = std::env::var(PORT).unwrap().parse().unwrap();
    let report = |name: &str, kind: String| println!("{thread} {name}={kind}");
    report("open", kind(File::open("/etc/passwd")));
    report("create", kind(File::create("/tmp/bailiwick-confine-must-not-exist")));
    report("list", kind(std::fs::read_dir("/")));
    report("stat", kind(std::fs::metadata("/etc/passwd")));
    report("tcp", kind(TcpStream::connect(("127.0.0.1", port))));
    report("listen", kind(TcpListener::bind("127.0.0.1:0")));
    report("udp", kind(UdpSocket::bind("127.0.0.1:0")));
    report("unix", kind(UnixStream::pair()));
    report("abstract socket", kind(connect_abstract()));
    report("spawn", kind(Command::new("/bin/true").status()));
    report("signal", kind(signal_parent()));
    report("remove", kind(std::fs::remove_file("/tmp/bailiwick-confine-must-not-exist")));
}

fn loading() {
    let path = model_file("loading");
    let model = File::open(&path).unwrap();
    this_thread_before_loading(&model).unwrap();
    let mut text = String::new();
    let by_number = format!("/proc/self/fd/{}", model.as_raw_fd());
    File::open(by_number).unwrap().read_to_string(&mut text).unwrap();
    println!("model={text}");
    println!("other file={}", kind(File::open("/etc/passwd")));
    println!("other file in the same folder={}", kind(File::open(path.with_extension("other"))));
    println!("write to the model={}", kind(File::options().write(true).open(&path)));
    println!("tcp={}", kind(TcpListener::bind("127.0.0.1:0")));
    println!("spawn={}", kind(Command::new("/bin/true").status()));
}

fn card() {
    let path = model_file("card");
    let model = File::open(&path).unwrap();
    let starting = this_thread_before_driver(&model).unwrap();
    println!("libraries={}", kind(std::fs::read_dir("/usr/lib")));
    println!("code of libraries={}", kind(machine_code()));
    println!("other file={}", kind(File::open("/etc/passwd")));
    println!("other process={}", kind(File::open("/proc/1/status")));
    println!("terminal={}", kind(terminal()));
    println!("tcp={}", kind(TcpListener::bind("127.0.0.1:0")));
    println!("spawn={}", kind(Command::new("/bin/true").status()));
    let loading = starting.before_loading(&model, false).unwrap();
    println!("libraries later={}", kind(std::fs::read_dir("/usr/lib")));
    println!("machine code={}", kind(machine_code()));
    println!("model={}", kind(File::open(format!("/proc/self/fd/{}", model.as_raw_fd()))));
    let confinement = loading.before_serving().unwrap();
    try_everything("first");
    for (name, error) in confinement.attempts {
        println!("attempt {name}={error}");
    }
}

/// Maps executable memory, as the loader of libraries does.
#[expect(unsafe_code, reason = "a mapping, which nothing uses")]
fn machine_code() -> io::Result<()> {
    let protection = rustix::mm::ProtFlags::READ | rustix::mm::ProtFlags::EXEC;
    let flags = rustix::mm::MapFlags::PRIVATE;
    // SAFETY: a new mapping at an address that the kernel chooses.
    unsafe { rustix::mm::mmap_anonymous(std::ptr::null_mut(), 4096, protection, flags)? };
    Ok(())
}

/// Asks for the size of a terminal: no request of a driver.
#[expect(unsafe_code, reason = "a raw system call")]
fn terminal() -> io::Result<()> {
    let mut size = [0_u16; 4];
    // SAFETY: the kernel writes four numbers of 16 bits.
    let result = unsafe { libc::ioctl(0, libc::TIOCGWINSZ, size.as_mut_ptr()) };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

fn landlock() {
    files::restrict(&[], &[]).unwrap();
    let port: u16 = std::env::var(PORT).unwrap().parse().unwrap();
    println!("open={}", kind(File::open("/etc/passwd")));
    println!("create={}", kind(File::create("/tmp/bailiwick-confine-must-not-exist")));
    println!("tcp={}", kind(TcpStream::connect(("127.0.0.1", port))));
    println!("listen={}", kind(TcpListener::bind("127.0.0.1:0")));
    println!("abstract socket={}", kind(connect_abstract()));
    println!("signal={}", kind(signal_parent()));
}

fn keeping() {
    let folder = std::env::temp_dir().join(format!("bailiwick-keeping-{}", std::process::id()));
    std::fs::create_dir_all(folder.join("records")).unwrap();
    std::fs::write(folder.join("program"), "#!/bin/true").unwrap();
    this_thread_to_folder(&folder).unwrap();
    let (new, key) = (folder.join("records/key.new"), folder.join("records/key"));
    println!("own make={}", kind(std::fs::write(&new, "a key")));
    println!("own replace={}", kind(std::fs::rename(&new, &key)));
    println!("own read={}", kind(std::fs::read(&key)));
    println!("own list={}", kind(std::fs::read_dir(folder.join("records"))));
    println!("own sync={}", kind(File::open(&folder).and_then(|folder| folder.sync_all())));
    let overwrite = || -> io::Result<()> {
        let mut file = File::options().write(true).open(&key)?;
        io::Write::write_all(&mut file, &[0; 5])?;
        file.sync_all()
    };
    println!("own overwrite={}", kind(overwrite()));
    println!("link={}", kind(std::fs::hard_link(&key, folder.join("records/copy"))));
    println!("directory={}", kind(std::fs::create_dir(folder.join("more"))));
    println!("move out={}", kind(std::fs::rename(&key, std::env::temp_dir().join("stolen"))));
    println!("executable={}", kind(Command::new(folder.join("program")).status()));
    println!("own remove={}", kind(std::fs::remove_file(&key)));
    try_everything("first");
    std::thread::spawn(|| try_everything("new")).join().unwrap();
}

fn gateway_alone() {
    let folder = std::env::temp_dir().join(format!("bailiwick-own-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::copy("/bin/true", folder.join("program")).unwrap();
    let listed = model_file("gateway");
    keep_private().unwrap();
    let reach = Reach { own: vec![folder.clone()], read: vec![listed.clone()], ..Reach::default() };
    let confinement = gateway::this_thread_to_reach(&reach).unwrap();
    for (name, error) in confinement.attempts {
        println!("attempt {name}={error}");
    }
    let (one, other) = (folder.join("one"), folder.join("below/other"));
    println!("make={}", kind(std::fs::write(&one, "text")));
    println!("folder={}", kind(std::fs::create_dir_all(folder.join("below"))));
    println!("move={}", kind(std::fs::rename(&one, &other)));
    println!("read={}", kind(std::fs::read(&other)));
    println!("listed file={}", kind(std::fs::read(&listed)));
    println!("link={}", kind(std::os::unix::fs::symlink("/etc/passwd", folder.join("link"))));
    println!("pair={}", kind(UnixStream::pair()));
    println!("executable={}", kind(Command::new(folder.join("program")).status()));
    // The loader can start any program that it can read, so it must not be able to read programs.
    println!("loader={}", kind(File::open("/bin/true")));
    println!(
        "debug={}",
        kind(File::open(format!("/proc/{}/mem", std::os::unix::process::parent_id())))
    );
    println!("start workers={}", kind(Command::new("/proc/self/exe").arg("--list").output()));
    println!("thread={}", kind(std::thread::Builder::new().spawn(|| ()).map(drop)));
    println!("core={:?}", rustix::process::getrlimit(rustix::process::Resource::Core).maximum);
    println!("dumpable={:?}", rustix::process::dumpable_behavior().unwrap());
    try_everything("first");
    std::thread::spawn(|| try_everything("new")).join().unwrap();
}

fn gateway_that_dials() {
    let port = std::env::var(PORT).unwrap().parse().unwrap();
    let reach = Reach { dial: vec![port], listen: vec![port], ..Reach::default() };
    let confinement = gateway::this_thread_to_reach(&reach).unwrap();
    for (name, error) in confinement.attempts {
        println!("attempt {name}={error}");
    }
    try_everything("first");
}

fn threads() {
    let (_keep, wait) = mpsc::channel::<()>();
    let other = std::thread::spawn(move || wait.recv());
    let model = File::open(model_file("threads")).unwrap();
    println!("result={}", before_loading(&model).unwrap_err());
    drop(_keep);
    drop(other.join());
}

fn connect_abstract() -> io::Result<UnixStream> {
    let name = std::env::var(ABSTRACT).unwrap();
    UnixStream::connect_addr(&SocketAddr::from_abstract_name(name)?)
}

fn signal_parent() -> io::Result<()> {
    let parent = rustix::process::getppid().unwrap();
    Ok(rustix::process::kill_process(parent, Signal::CONT)?)
}

fn kind<T: Debug>(result: io::Result<T>) -> String {
    match result {
        Ok(_) => "success".to_owned(),
        Err(error) => format!("{:?}", error.kind()),
    }
}

/// A file in place of a model, and another file beside it.
fn model_file(test: &str) -> std::path::PathBuf {
    let path = std::env::temp_dir().join(format!("bailiwick-{test}-{}", std::process::id()));
    std::fs::write(&path, "weights").unwrap();
    std::fs::write(path.with_extension("other"), "weights").unwrap();
    path
}
