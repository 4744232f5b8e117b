//! What `make dist` makes: the same sources give the same programs, the same programs give the same
//! packages, and the packages have their files.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::Path,
    process::{Command, Stdio},
};

use tempfile::TempDir;

use crate::process::{project, succeed};

fn script(name: &str) -> Command {
    let mut command = Command::new(project().join("scripts/dist").join(name));
    command.env("SOURCE_DATE_EPOCH", "1800000000").env_remove("MAINTAINER").stdin(Stdio::null());
    command
}

/// A folder as `build.sh` and `inventory.py` leave it, with another program in the place of ours: an
/// ELF file whose libraries can be listed.
fn programs(folder: &Path) {
    let write = |name: &str, text: &str| {
        let file = folder.join(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
    };
    for program in ["bailiwick", "bailiwick-audit"] {
        write(&format!("man/{program}.1"), ".TH");
        for name in [format!("{program}.bash"), format!("_{program}"), format!("{program}.fish")] {
            write(&format!("completions/{name}"), program);
        }
        fs::copy(fs::canonicalize("/bin/true").unwrap(), folder.join(program)).unwrap();
    }
    for name in
        ["man/bailiwick.toml.5", "bailiwick.cdx.json", "THIRD-PARTY-NOTICES.txt", "compilers"]
    {
        write(name, name);
    }
}

/// Packs the same programs twice, by users with different settings; returns the package's bytes.
fn packed_twice(pack: &str, cpu: Option<&str>, result: &str) -> (TempDir, Vec<u8>) {
    let [first, second] = [("022", "UTC"), ("077", "Asia/Tokyo")].map(|(umask, zone)| {
        let folder = TempDir::with_prefix("bailiwick-").unwrap();
        let (from, out) = (folder.path().join("programs"), folder.path().join("out"));
        fs::create_dir_all(&out).unwrap();
        programs(&from);
        let packer = script(pack);
        let mut shell = Command::new("sh");
        shell.args(["-c", "umask \"$0\"; exec \"$@\"", umask]).arg(packer.get_program());
        shell.arg(&from).args(cpu).arg(&out).env("TZ", zone).env("SOURCE_DATE_EPOCH", "1800000000");
        succeed(&mut shell);
        let bytes = fs::read(out.join(result)).unwrap();
        (folder, bytes)
    });
    assert!(first.1 == second.1, "{result} differs from run to run");
    first
}

fn version() -> &'static str {
    env!("CARGO_PKG_VERSION")
}

/// The files below a prefix, without folders.
fn files<'a>(listing: &'a str, prefix: &str) -> Vec<&'a str> {
    let names = listing.lines().filter(|name| !name.ends_with('/'));
    let mut names: Vec<_> = names.filter_map(|name| name.strip_prefix(prefix)).collect();
    names.sort_unstable();
    names
}

#[test]
fn an_archive_is_the_same_every_time_and_has_its_files() {
    let name = format!("bailiwick-{}-x86_64-v2-linux", version());
    let archive = format!("{name}.tar.gz");
    let (folder, _) = packed_twice("archive.sh", Some("x86-64-v2"), &archive);
    let mut tar = Command::new("tar");
    tar.arg("-tzf").arg(folder.path().join("out").join(&archive));
    let listing = succeed(&mut tar);
    let expected = [
        "bin/bailiwick",
        "bin/bailiwick-audit",
        "lib/systemd/system/bailiwick.service",
        "sbin/bailiwickctl",
        "share/bash-completion/completions/bailiwick",
        "share/bash-completion/completions/bailiwick-audit",
        "share/doc/bailiwick/CHANGELOG.md",
        "share/doc/bailiwick/LICENSE",
        "share/doc/bailiwick/README.md",
        "share/doc/bailiwick/THIRD-PARTY-NOTICES.txt",
        "share/doc/bailiwick/bailiwick.cdx.json",
        "share/doc/bailiwick/bailiwick.example.toml",
        "share/doc/bailiwick/bailiwick.toml",
        "share/doc/bailiwick/compilers",
        "share/doc/bailiwick/grafana/bailiwick.json",
        "share/doc/bailiwick/install.md",
        "share/doc/bailiwick/prometheus/alerts.yml",
        "share/doc/bailiwick/prometheus/alerts_test.yml",
        "share/doc/bailiwick/prometheus/prometheus.yml",
        "share/fish/vendor_completions.d/bailiwick-audit.fish",
        "share/fish/vendor_completions.d/bailiwick.fish",
        "share/man/man1/bailiwick-audit.1",
        "share/man/man1/bailiwick.1",
        "share/man/man5/bailiwick.toml.5",
        "share/man/man8/bailiwickctl.8",
        "share/zsh/site-functions/_bailiwick",
        "share/zsh/site-functions/_bailiwick-audit",
    ];
    assert_eq!(files(&listing, &format!("{name}/")), expected);
}

#[test]
fn a_debian_package_is_the_same_every_time_and_has_its_files() {
    let architecture = succeed(Command::new("dpkg").arg("--print-architecture"));
    let package = format!("bailiwick_{}_{}.deb", version(), architecture.trim());
    let (folder, _) = packed_twice("deb.sh", None, &package);
    let file = folder.path().join("out").join(&package);
    let deb = |arguments: &[&str]| succeed(Command::new("dpkg-deb").args(arguments).arg(&file));

    let root = folder.path().join("root");
    succeed(Command::new("dpkg-deb").arg("-x").arg(&file).arg(&root));
    let listing = deb(&["-c"]);
    for line in listing.lines() {
        assert!(line.contains(" root/root "), "not root's: {line}");
        let mode = &line[..10];
        assert!(["drwxr-xr-x", "-rwxr-xr-x", "-rw-r--r--"].contains(&mode), "{line}");
    }
    for file in [
        "usr/bin/bailiwick",
        "usr/bin/bailiwick-audit",
        "usr/sbin/bailiwickctl",
        "usr/lib/systemd/system/bailiwick.service",
        "usr/share/man/man1/bailiwick.1.gz",
        "usr/share/man/man5/bailiwick.toml.5.gz",
        "usr/share/man/man8/bailiwickctl.8.gz",
        "usr/share/bash-completion/completions/bailiwick",
        "usr/share/zsh/vendor-completions/_bailiwick",
        "usr/share/fish/vendor_completions.d/bailiwick.fish",
        "usr/share/doc/bailiwick/copyright",
        "usr/share/doc/bailiwick/THIRD-PARTY-NOTICES.txt.gz",
        "usr/share/doc/bailiwick/bailiwick.cdx.json",
        "usr/share/doc/bailiwick/grafana/bailiwick.json",
        "usr/share/doc/bailiwick/prometheus/alerts.yml",
    ] {
        assert!(root.join(file).is_file(), "{file} is missing");
    }

    // An operator's changes survive upgrades, and no compiler comes along.
    let control = deb(&["-f"]);
    assert!(control.contains(&format!("Version: {}\n", version())), "{control}");
    let depends = control.lines().find(|line| line.starts_with("Depends: ")).unwrap();
    assert!(depends.contains("libc6 ("), "{depends}");
    assert!(!depends.contains("gcc (") && !depends.contains("-dev"), "{depends}");
    let part = folder.path().join("control");
    succeed(Command::new("dpkg-deb").arg("-e").arg(&file).arg(&part));
    let read = |name: &str| fs::read_to_string(part.join(name)).unwrap();
    assert_eq!(read("conffiles"), "/etc/bailiwick/bailiwick.toml\n");
    for script in ["postinst", "prerm", "postrm"] {
        assert_eq!(fs::metadata(part.join(script)).unwrap().permissions().mode() & 0o777, 0o755);
        succeed(Command::new("sh").arg("-n").arg(part.join(script)));
    }
}

/// ggml uses AVX2 unless it is switched off: a portable program would stop on machines without it.
#[test]
fn a_portable_build_switches_off_the_instructions_of_newer_cpus() {
    let database = |cpu: &str| {
        let mut make = Command::new("make");
        make.args(["--dry-run", "--print-data-base", cpu, "help"]).current_dir(project());
        succeed(make.env_remove("MAKEFLAGS").stdin(Stdio::null()))
    };
    let (portable, native) = (database("NATIVE=0"), database("CPU=native"));
    let build = fs::read_to_string(project().join("scripts/dist/build.sh")).unwrap();
    for switch in ["SSE42", "AVX", "AVX2", "FMA", "F16C", "BMI2"] {
        assert!(portable.contains(&format!("\nGGML_{switch} := OFF\n")), "make NATIVE=0: {switch}");
        assert!(
            !native.contains(&format!("\nGGML_{switch} := OFF\n")),
            "make CPU=native: {switch}"
        );
        assert!(build.contains(&format!(" GGML_{switch}=OFF")), "scripts/dist/build.sh: {switch}");
    }
}

/// The pages name the files of this version.
#[test]
fn the_pages_have_the_version_of_the_packages() {
    let read = |file: &str| fs::read_to_string(project().join(file)).unwrap();
    let version = version();
    let install = read("docs/operate/install.md");
    let installed = [
        format!("bailiwick_{version}_amd64.deb"),
        format!("bailiwick-{version}-x86_64-v2-linux.tar.gz"),
        format!("bailiwick-{version}-native-linux.tar.gz"),
        format!("bailiwick-{version}-x86_64-v2.oci.tar"),
        format!("bailiwick-{version}.cdx.json"),
        format!("localhost/bailiwick:{version}"),
    ];
    for name in installed {
        assert!(install.contains(&name), "docs/operate/install.md does not name {name}");
    }
    assert!(read("CHANGELOG.md").contains(&format!("\n## {version} - ")), "CHANGELOG.md");
    assert!(read("README.md").contains(&format!("**{version}**")), "README.md");
}

/// The configuration of the packages is the example with the system's folders.
#[test]
fn a_packaged_service_has_its_data_and_its_keys_in_the_folders_of_the_unit() {
    let configuration = succeed(&mut script("configuration.sh"));
    let unit = fs::read_to_string(project().join("packages/systemd/bailiwick.service")).unwrap();
    assert!(unit.contains("\nStateDirectory=bailiwick bailiwick-keys\n"));
    for line in ["data = \"/var/lib/bailiwick\"", "keys = \"/var/lib/bailiwick-keys\""] {
        assert_eq!(configuration.lines().filter(|found| *found == line).count(), 1, "{line}");
    }
}

#[test]
fn the_unit_is_valid_and_hardened() {
    let folder = TempDir::with_prefix("bailiwick-").unwrap();
    let unit = folder.path().join("bailiwick.service");
    let text = fs::read_to_string(project().join("packages/systemd/bailiwick.service")).unwrap();
    // Programs of the unit must exist for the check.
    fs::write(&unit, text.replace("/usr/bin/bailiwick", "/bin/true")).unwrap();
    let analyze = |arguments: &[&str]| {
        let mut command = Command::new("systemd-analyze");
        let output = command.args(arguments).arg(&unit).output().unwrap();
        let text = [output.stdout, output.stderr].concat();
        (output.status.success(), String::from_utf8_lossy(&text).into_owned())
    };
    let (good, said) = analyze(&["verify", "--man=no"]);
    assert!(good && !said.contains("bailiwick.service:"), "{said}");
    // 1.4 of 10 at most, where 10 is without any protection.
    let (good, said) = analyze(&["security", "--offline=true", "--no-pager", "--threshold=14"]);
    assert!(good, "{said}");
}

#[test]
fn the_inventory_fits_its_schema_and_lists_the_libraries() {
    let folder = TempDir::with_prefix("bailiwick-").unwrap();
    let made = [folder.path().join("one"), folder.path().join("two")].map(|folder| {
        succeed(script("inventory.py").arg(&folder));
        let read = |name: &str| fs::read_to_string(folder.join(name)).unwrap();
        [read("bailiwick.cdx.json"), read("THIRD-PARTY-NOTICES.txt")]
    });
    assert!(made[0] == made[1], "the inventory differs from run to run");
    succeed(script("validate.sh").arg(folder.path().join("one/bailiwick.cdx.json")));
    let inventory: serde_json::Value = serde_json::from_str(&made[0][0]).unwrap();
    let components = inventory["components"].as_array().unwrap();
    for name in ["tlog", "rustls", "llama-cpp-sys-2", "llama.cpp", "ggml", "SQLite"] {
        assert!(components.iter().any(|component| component["name"] == name), "{name}");
    }
    for absent in ["tempfile", "rcgen", "clap_mangen"] {
        let is_listed = components.iter().any(|component| component["name"] == absent);
        assert!(!is_listed, "{absent} is not in the programs");
    }
    assert!(made[0][1].contains("rustls"), "the notices have no licence of rustls");
}

/// An auditor's program, from two folders. The service takes the same way, and is compared by
/// `scripts/dist.sh check`, which takes an hour.
#[test]
fn two_builds_in_two_folders_give_the_same_program() {
    let mut twice = script("twice.sh");
    let digests = succeed(twice.arg("audit").env("BAILIWICK_DIST_UNOPTIMIZED", "1"));
    assert!(digests.ends_with("  bailiwick-audit\n"), "{digests}");
}
