//! How much memory this process may use. Alerts compare its resident memory with that.

use std::{fs, path::Path};

/// The lowest limit of the process's control groups, or what the machine has; nothing where the system does not tell.
pub fn limit_bytes() -> Option<u64> {
    limit_below(Path::new("/"))
}

/// As [`limit_bytes`], in a system whose files are below `root`.
fn limit_below(root: &Path) -> Option<u64> {
    let meminfo = fs::read_to_string(root.join("proc/meminfo")).unwrap_or_default();
    let total = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"));
    let total = total.and_then(|text| text.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()).map(|kib| kib * 1024);

    let groups = fs::read_to_string(root.join("proc/self/cgroup")).unwrap_or_default();
    let limits = groups.lines().flat_map(|line| {
        // Number, controllers, path. Version 2 has neither number nor controllers.
        let mut parts = line.splitn(3, ':').skip(1);
        let (controllers, path) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        let (folder, file) = match controllers {
            "" => ("sys/fs/cgroup", "memory.max"),
            "memory" => ("sys/fs/cgroup/memory", "memory.limit_in_bytes"),
            _ => return Vec::new(),
        };
        // A group is bound by its parents too. In a container the path may be the host's and only its root is visible.
        let below = Path::new(path.trim_start_matches('/'));
        below.ancestors().filter_map(|group| limit_in(&root.join(folder).join(group).join(file))).collect()
    });
    limits.chain(total).min()
}

/// `max` means that there is none.
fn limit_in(file: &Path) -> Option<u64> {
    fs::read_to_string(file).ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::limit_below;

    fn limit(files: &[(&str, &str)]) -> Option<u64> {
        let root = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = root.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        limit_below(root.path())
    }

    #[test]
    fn the_tightest_limit_counts() {
        let machine = ("proc/meminfo", "MemFree: 1 kB\nMemTotal:       4000 kB\n");
        assert_eq!(limit(&[]), None);
        assert_eq!(limit(&[machine]), Some(4_096_000));
        let group = ("proc/self/cgroup", "0::/a/b\n");
        let (parent, child) = (("sys/fs/cgroup/a/memory.max", "1000\n"), ("sys/fs/cgroup/a/b/memory.max", "max\n"));
        assert_eq!(limit(&[machine, group, parent, child]), Some(1000));
        // Version 1 says "no limit" with a number larger than any machine.
        let (group, none) = (
            ("proc/self/cgroup", "4:memory:/x\n"),
            ("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n"),
        );
        assert_eq!(limit(&[machine, group, none]), Some(4_096_000));
    }
}
