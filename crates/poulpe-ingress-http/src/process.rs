//! What the system says of this process, under the names that Prometheus' own clients use. Nothing where it can't be read.

use prometheus::proto::MetricFamily;

/// The figures of the process.
#[cfg(not(target_os = "linux"))]
pub(crate) fn families() -> Vec<MetricFamily> {
    Vec::new()
}

/// The figures of the process.
#[cfg(target_os = "linux")]
pub(crate) fn families() -> Vec<MetricFamily> {
    read().unwrap_or_default()
}

#[cfg(target_os = "linux")]
fn read() -> procfs::ProcResult<Vec<MetricFamily>> {
    use crate::metrics::{counter_of, family, gauge};
    use procfs::WithCurrentSystemInfo;
    use prometheus::proto::MetricType;

    let process = procfs::process::Process::myself()?;
    let stat = process.stat()?;
    let ticks = (stat.utime + stat.stime) as f64;
    let started = procfs::boot_time_secs()? as f64
        + stat.starttime as f64 / procfs::ticks_per_second() as f64;
    let figures = [
        (
            "process_resident_memory_bytes",
            "Memory in use.",
            stat.rss_bytes().get() as f64,
        ),
        (
            "process_virtual_memory_bytes",
            "Address space in use.",
            stat.vsize as f64,
        ),
        (
            "process_open_fds",
            "Open files and connections.",
            process.fd_count()? as f64,
        ),
        ("process_threads", "Threads.", stat.num_threads as f64),
        (
            "process_start_time_seconds",
            "When the process started, since the epoch.",
            started,
        ),
    ];
    let figures = figures
        .map(|(name, help, value)| family(name, help, MetricType::GAUGE, [gauge(&[], value)]));
    let mut families = Vec::from(figures);
    families.push(family(
        "process_cpu_seconds_total",
        "Processor time used.",
        MetricType::COUNTER,
        [counter_of(&[], ticks / procfs::ticks_per_second() as f64)],
    ));
    Ok(families)
}
