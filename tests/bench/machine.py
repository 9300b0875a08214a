"""Processes and what the kernel says of them: start on a core, CPU time, memory, cold files."""

import os
import re
import resource
import signal
import socket
import subprocess
import sys
import time

TICK = os.sysconf("SC_CLK_TCK")
SERVER_CORE, LOAD_CORE = 0, 1


def fail(text):
    raise RuntimeError(text)


def cores():
    return sorted(os.sched_getaffinity(0))


def core(which):
    """The core of the server (0) or of the generator (1); with one core both are on it."""
    all_cores = cores()
    return {all_cores[which % len(all_cores)]}


def start(argv, on=None, **more):
    """Starts a program on the given set of cores."""
    def pin():
        if on is not None:
            os.sched_setaffinity(0, on)
    return subprocess.Popen(argv, preexec_fn=pin, **more)


def run(argv, on=None, check=True, **more):
    p = start(argv, on=on, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **more)
    try:
        out, err = p.communicate()
    except BaseException:                   # we are being stopped: so is what we started
        p.kill()
        raise
    if check and p.returncode != 0:
        fail(f"{' '.join(argv)}: exit status {p.returncode}: {err.decode(errors='replace')[-800:]}")
    return out.decode(errors="replace")


def timed(argv, on=None, status=(0,), **more):
    """Wall and CPU seconds and the largest memory (KiB) of a program that ends by itself."""
    begin = time.monotonic()
    p = start(argv, on=on, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, **more)
    try:
        err = p.stderr.read()
        _, code, usage = os.wait4(p.pid, 0)
    except BaseException:
        p.kill()
        raise
    p.returncode = os.waitstatus_to_exitcode(code)
    took = time.monotonic() - begin
    if p.returncode not in status:
        fail(f"{argv[0]}: exit status {p.returncode}: {err.decode(errors='replace')[-800:]}")
    return {"seconds": took, "cpu": usage.ru_utime + usage.ru_stime, "rss_kib": usage.ru_maxrss}


def cpu(pid):
    """CPU seconds of a process with all its threads."""
    with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as f:
        fields = f.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def memory(pid):
    """Resident memory in KiB: now, and the largest so far."""
    with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as f:
        text = f.read()
    return tuple(int(re.search(rf"^{name}:\s+(\d+) kB", text, re.M)[1])
                 for name in ("VmRSS", "VmHWM"))


def stop(process, how=signal.SIGTERM, seconds=120):
    """False if it had to be killed."""
    if process is None or process.poll() is not None:
        return True
    process.send_signal(how)
    try:
        process.wait(seconds)
        return True
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        return False


def free_port(kind=socket.SOCK_STREAM):
    with socket.socket(socket.AF_INET, kind) as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def wait_until(condition, seconds, what, pause=0.005):
    """The time at which it became true."""
    end = time.monotonic() + seconds
    while True:
        if condition():
            return time.monotonic()
        if time.monotonic() > end:
            fail(f"not in {seconds} s: {what}")
        time.sleep(pause)


def cold(path):
    """Takes the files out of the page cache, so that reading begins at the disk."""
    files = [path]
    if os.path.isdir(path):
        files = [os.path.join(d, f) for d, _, names in os.walk(path) for f in names]
    for name in files:
        fd = os.open(name, os.O_RDONLY)
        os.fsync(fd)
        os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(fd)


def size_of(path):
    if os.path.isfile(path):
        return os.path.getsize(path)
    return sum(os.path.getsize(os.path.join(d, f)) for d, _, names in os.walk(path) for f in names)


def size_of_all(paths):
    return sum(os.path.getsize(p) for p in paths)


def many_files():
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(hard, 65536), max(hard, 65536)))
    except (ValueError, PermissionError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def describe():
    """The machine, for the report."""
    with open("/proc/cpuinfo", encoding="ascii", errors="replace") as f:
        info = f.read()
    def field(name):
        found = re.search(rf"^{name}\s*: (.*)$", info, re.M)
        return found[1] if found else "?"
    flags = field("flags").split()
    with open("/proc/meminfo", encoding="ascii") as f:
        memory_kib = int(re.search(r"MemTotal:\s+(\d+)", f.read())[1])
    return {
        "cpu": f"{field('vendor_id')} family {field('cpu family')} model {field('model')} "
               f"({field('model name')})",
        "cores": len(cores()),
        "cpu_flags": [x for x in ("sha_ni", "avx2", "avx512f", "avx512bw", "vaes") if x in flags],
        "memory_gib": round(memory_kib / 1048576, 1),
        "kernel": os.uname().release,
        "load": os.getloadavg(),
        "python": sys.version.split()[0],
    }

