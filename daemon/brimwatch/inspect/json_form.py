"""How does a report look to a program? One object; the names are part of the public contract."""

from __future__ import annotations

from brimwatch.inspect.report import Report

Json = dict[str, object]


def to_json(report: Report) -> Json:
    """Plain data for `json.dumps`: sizes in bytes, times in seconds, null for what `missing` explains."""
    origin, sizes, bounds = report.origin, report.sizes, report.bounds
    return {
        "pid": origin.pid,
        "comm": origin.comm,
        "cmdline": origin.cmdline,
        "exe": origin.exe,
        "state": origin.state,
        "kernel_thread": origin.kernel_thread,
        "ppid": origin.ppid,
        "uid": origin.uid,
        "user": origin.user,
        "age_seconds": round(origin.age, 2),
        "cpu_seconds": origin.cpu,
        "unit": origin.unit,
        "container": origin.container,
        "pod_uid": origin.pod,
        "cgroup": origin.cgroup,
        "rss_bytes": sizes.rss,
        "pss_bytes": sizes.pss,
        "uss_bytes": sizes.uss,
        "vms_bytes": sizes.vms,
        "swap_bytes": sizes.swap,
        "anonymous_bytes": sizes.anon,
        "file_bytes": sizes.file,
        "shared_memory_bytes": sizes.shmem,
        "peak_rss_bytes": sizes.peak_rss,
        "threads": report.threads,
        "thread_names": [{"name": group.name, "count": group.number} for group in report.thread_groups],
        "open_fds": bounds.open_files,
        "limit": None if bounds.limit is None else {"bytes": bounds.limit.bytes, "source": bounds.limit.source},
        "working_set_bytes": bounds.working_set,
        "headroom_bytes": bounds.headroom,
        "oom_score": bounds.oom_score,
        "oom_score_adj": bounds.oom_score_adj,
        "oom_kills": bounds.oom_kills,
        "resource_limits": {_resource(name): value for name, value in bounds.soft.items()},
        "signals_caught": None if bounds.signals is None else list(bounds.signals),
        "mappings": _mappings(report),
        "python": None,
        "allocators": {},
        "complete_ratio": None if report.complete_ratio is None else round(report.complete_ratio, 4),
        "advice": list(report.advice),
        "missing": [missing._asdict() for missing in report.missing],
    }


def _resource(name: str) -> str:
    return name.replace(" ", "_") + ("" if name in ("open files", "processes") else "_bytes")


def _mappings(report: Report) -> Json | None:
    mappings = report.mappings
    if mappings is None:
        return None
    return {
        "count": mappings.count,
        "kinds": mappings.kinds,
        "groups": [
            {
                "name": group.name,
                "count": group.number,
                "rss_bytes": group.rss,
                "pss_bytes": group.pss,
                "swap_bytes": group.swap,
                "vms_bytes": group.vms,
            }
            for group in mappings.groups
        ],
    }
